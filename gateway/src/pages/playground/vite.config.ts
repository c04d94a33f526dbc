import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants } from 'node:zlib'
import { defineConfig, type Plugin } from 'vite'

const brotli = promisify(brotliCompress)

// The editor is several megabytes of text: compress it once, at build time.
const compressed: Plugin = {
  name: 'compressed',
  async writeBundle({ dir = '.' }, bundle) {
    for (const name of Object.keys(bundle).filter((file) => /\.(js|css|ttf|svg)$/.test(file))) {
      const content = await readFile(join(dir, name))
      const params = { [constants.BROTLI_PARAM_QUALITY]: 9 }
      await writeFile(join(dir, `${name}.br`), await brotli(content, { params }))
    }
  },
}

// The page's script and styles are files of this origin with their content's hash in their names: they may be
// cached for ever, and `script-src 'self'` is all they need.
export default defineConfig({
  root: import.meta.dirname,
  base: '/playground/',
  logLevel: 'warn',
  plugins: [compressed],
  build: {
    outDir: '../../../generated/playground',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 8_000,
    rolldownOptions: {
      // GraphiQL derives its icons' accessible names from the names of functions.
      output: { keepNames: true },
      onLog(level, log, handler) {
        // "use client" in libraries: a hint for servers that render React, which this page has none of.
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') handler(level, log)
      },
    },
  },
  worker: { format: 'es' },
})

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { defineConfig, type Plugin } from 'vite'

const brotli = promisify(brotliCompress)
const zip = promisify(gzip)

/** Compresses text once, at build time; the gateway serves the smaller file to whoever accepts it. */
const compressed: Plugin = {
  name: 'compressed',
  async writeBundle({ dir = '.' }, bundle) {
    const texts = Object.keys(bundle).filter((file) => /\.(js|css|svg|ttf)$/.test(file))
    await Promise.all(
      texts.map(async (name) => {
        const content = await readFile(join(dir, name))
        // The highest quality takes seconds for the editor, for which few wait.
        const quality = content.length > 600_000 ? 7 : 10
        const params = { [constants.BROTLI_PARAM_QUALITY]: quality }
        await Promise.all([
          writeFile(join(dir, `${name}.br`), await brotli(content, { params })),
          writeFile(join(dir, `${name}.gz`), await zip(content)),
        ])
      }),
    )
  },
}

// Scripts and styles are files with a hash of their content in their names: `script-src 'self'` is all they
// need, and they may be cached for ever. Addresses are relative to the page's `<base>`, which the gateway
// fills in.
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  logLevel: 'warn',
  plugins: [compressed],
  build: {
    outDir: 'generated/site',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 8_000,
    rolldownOptions: {
      onLog(level, log, handler) {
        // "use client" in libraries: a hint for servers that render React, which these pages have none of.
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') handler(level, log)
      },
    },
  },
  worker: { format: 'es' },
})

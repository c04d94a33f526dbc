import { fileURLToPath } from 'node:url'
import { build, type InlineConfig } from 'vite'

// Builds what browsers load: a module, and a script for `<script src>` that sets `userStats`.

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))

const config = (entry: string, format: 'es' | 'iife', emptyOutDir: boolean): InlineConfig => ({
  configFile: false,
  logLevel: 'warn',
  build: {
    outDir: path('../generated'),
    emptyOutDir,
    target: 'es2022',
    minify: true,
    lib: {
      entry: path(entry),
      formats: [format],
      name: 'userStats',
      fileName: () => (format === 'es' ? 'index.js' : 'client.js'),
    },
  },
})

await build(config('../src/index.ts', 'es', true))
await build(config('../src/index.ts', 'iife', false))

import { fileURLToPath } from 'node:url'

// As in the gateway's main.ts: disables Apollo telemetry.
process.env.APOLLO_TELEMETRY_DISABLED = 'true'

// One jest configuration for every workspace: native ES modules, TypeScript stripped by SWC as Node strips it.
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts', '.tsx'],
  transform: {
    '^.+\\.tsx?$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2024' },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  reporters: [
    'default',
    ...(process.env.JEST_TOTALS ? [fileURLToPath(new URL('jest.totals.js', import.meta.url))] : []),
  ],
  testTimeout: 60_000,
  // Each test file starts real servers; run them one after another on two cores.
  maxWorkers: 1,
}

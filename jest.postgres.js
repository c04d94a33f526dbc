import { fileURLToPath } from 'node:url'
import preset from './jest.preset.js'

const file = (name) => fileURLToPath(new URL(`packages/postgres/src/testing/${name}`, import.meta.url))

// For workspaces whose tests touch data: their files share one PostgreSQL server, each with databases of its own.
export default {
  ...preset,
  globalSetup: file('jest-global-setup.ts'),
  globalTeardown: file('jest-global-teardown.ts'),
}

import { fileURLToPath } from 'node:url'
import { parsers, type Variable } from '@user-stats/config'

const defaultDataDir = fileURLToPath(new URL('../../.data', import.meta.url))

export const dataDirVariable = {
  DATA_DIR: {
    schema: parsers.directory(defaultDataDir),
    about: 'Directory of all state on one machine: embedded databases, generated secrets, logs.',
    default: '.data',
  },
} as const satisfies Record<string, Variable>

import { testServingRole } from '@user-stats/postgres/testing/serving-role'
import { usersSchema } from '../src/index.ts'

testServingRole({ schema: usersSchema, table: 'users', functions: [] })

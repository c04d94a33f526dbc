import { testServingRole } from '@user-stats/postgres/testing/serving-role'
import { eventsSchema } from '../src/index.ts'

testServingRole({ schema: eventsSchema, table: 'events', functions: ['drop_months', 'ensure_month'] })

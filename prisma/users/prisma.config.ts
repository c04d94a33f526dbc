import { defineConfig } from 'prisma/config'

// Only `prisma generate` reads this file. Migrations run through `npm run migrate`.
export default defineConfig({ schema: 'schema.prisma', migrations: { path: 'migrations' } })

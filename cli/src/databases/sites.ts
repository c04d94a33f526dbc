import type { Terminal } from '../terminal.ts'
import { embeddedSite } from './embedded-site.ts'
import { externalSite } from './external-site.ts'
import type { DatabaseName } from './schemas.ts'
import type { Site, Sites } from './site.ts'
import type { DatabaseTargets } from './urls.ts'

/** The locations of both databases. */
export function sitesOf(
  { dataDir, databases }: { readonly dataDir: string; readonly databases: DatabaseTargets },
  terminal?: Terminal,
): Sites {
  const one = (name: DatabaseName): Site => {
    const urls = databases[name]
    if (urls) return externalSite(name, urls)
    return embeddedSite(name, dataDir, (message) => terminal?.line('database', `${name}: ${message}`))
  }
  return { users: one('users'), events: one('events') }
}

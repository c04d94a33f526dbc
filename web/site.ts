import { join } from 'node:path'

/** Where `npm run generate` builds the pages: `index.html`, and scripts and styles in `assets/`. */
export const siteDirectory = join(import.meta.dirname, 'generated/site')

/** The addresses of pages: each is answered with `index.html`. */
export const pagePaths = [
  '/',
  '/explore',
  '/funnel',
  '/retention',
  '/live',
  '/stores',
  '/keys',
  '/audit',
] as const

import { accessSync, constants, statSync } from 'node:fs'
import { isIP } from 'node:net'
import { z } from 'zod'
import { databaseUrlFault } from './database-url.ts'

const whole = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, `expected a whole number from ${String(min)} to ${String(max)}`)
    .transform(Number)
    .refine((n) => n >= min && n <= max, `expected a whole number from ${String(min)} to ${String(max)}`)

/** Adds the fault that `faultOf` finds in a value. */
const checked = (faultOf: (text: string) => string | undefined) =>
  z.string().superRefine((text, context) => {
    const fault = faultOf(text)
    if (fault !== undefined) context.addIssue(fault)
  })

/** An address, or a DNS name; not a number alone, which would be parsed as an address. */
const isHost = (text: string): boolean =>
  isIP(text) !== 0 ||
  (text.length <= 253 &&
    /^(?:[a-z\d_](?:[a-z\d_-]{0,61}[a-z\d_])?\.)*(?!\d+$)[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/i.test(text))

const host = () => checked((text) => (isHost(text) ? undefined : 'expected a host name or an IP address'))

const serviceUrlForm = 'expected an http:// or https:// URL without user name and fragment'

function serviceUrlFault(text: string): string | undefined {
  if (!/^https?:\/\/[^/]/i.test(text) || !URL.canParse(text)) return serviceUrlForm
  const { username, password, hash } = new URL(text)
  return username + password + hash === '' ? undefined : serviceUrlForm
}

/** As browsers send it in `Origin`: anything else would match no page. */
function isOrigin(text: string): boolean {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return false
  const { origin, hostname } = new URL(text)
  return origin === text && isHost(hostname.replaceAll(/^\[|\]$/g, ''))
}

function fileFault(file: string): string | undefined {
  try {
    accessSync(file, constants.R_OK)
    return statSync(file).isDirectory() ? `${file} is a directory, expected a file` : undefined
  } catch {
    return `the file ${file} cannot be read`
  }
}

const list = () =>
  z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== ''),
    )

/** Parsers for the variables of the services. */
export const parsers = {
  integer: (min: number, max: number, fallback: number) => whole(min, max).default(fallback),
  port: (fallback: number) => whole(0, 65_535).default(fallback),
  optionalPort: () => whole(0, 65_535).optional(),
  optionalText: () => z.string().optional(),
  host: (fallback: string) => host().default(fallback),
  /** A readable file. */
  file: (fallback: string) => checked(fileFault).default(fallback),
  /** A directory, which need not exist. */
  directory: (fallback: string) =>
    checked((text) =>
      /^~(?:\/|$)/.test(text) ? 'expected a path: only a shell knows what ~ is' : undefined,
    ).default(fallback),
  /** Separated by commas; none when absent. */
  list,
  origins: () =>
    list().refine(
      (origins) => origins.every(isOrigin),
      'expected origins separated by commas, as browsers send them: https://shop.example, http://localhost:3000',
    ),
  url: (fallback: string) => checked(serviceUrlFault).default(fallback),
  optionalUrl: () => checked(serviceUrlFault).optional(),
  databaseUrl: () => z.string({ error: databaseUrlFault('') }).pipe(checked(databaseUrlFault)),
  redisUrl: () =>
    checked((text) =>
      /^rediss?:\/\/[^/]/i.test(text) && URL.canParse(text)
        ? undefined
        : 'expected a redis:// or rediss:// URL',
    ),
  choice: <const T extends readonly [string, ...string[]]>(values: T, fallback: T[number]) =>
    z
      .enum(values, { error: `expected one of ${values.join(', ')}` })
      // The default is one of the values; zod cannot infer that through the generic.
      .default(fallback as never),
  flag: (fallback: boolean) =>
    z
      .enum(['true', 'false'], { error: 'expected true or false' })
      .default(fallback ? 'true' : 'false')
      .transform((value) => value === 'true'),
} as const

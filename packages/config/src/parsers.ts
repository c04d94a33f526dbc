import { z } from 'zod'

const whole = (min: number, max: number, fallback: number) =>
  z
    .string()
    .regex(/^\d+$/, `expected a whole number from ${String(min)} to ${String(max)}`)
    .transform(Number)
    .refine((n) => n >= min && n <= max, `expected a whole number from ${String(min)} to ${String(max)}`)
    .default(fallback)

/** The kinds of variables the services have. */
export const kinds = {
  integer: (min: number, max: number, fallback: number) => whole(min, max, fallback),
  port: (fallback: number) => whole(0, 65_535, fallback),
  text: (fallback: string) => z.string().default(fallback),
  optionalText: () => z.string().optional(),
  /** Separated by commas; none when absent. */
  list: () =>
    z
      .string()
      .default('')
      .transform((text) =>
        text
          .split(',')
          .map((item) => item.trim())
          .filter((item) => item !== ''),
      ),
  url: (fallback: string) =>
    z.url({ protocol: /^https?$/, error: 'expected an http:// or https:// URL' }).default(fallback),
  databaseUrl: () =>
    z.url({
      protocol: /^postgres(ql)?$/,
      error: 'expected a URL: postgresql://role:password@host:5432/database',
    }),
  choice: <const T extends readonly [string, ...string[]]>(values: T, fallback: T[number]) =>
    z
      .enum(values, { error: `expected one of ${values.join(', ')}` })
      // The default is one of the values; zod cannot see it through the generic.
      .default(fallback as never),
  flag: (fallback: boolean) =>
    z
      .enum(['true', 'false'], { error: 'expected true or false' })
      .default(fallback ? 'true' : 'false')
      .transform((value) => value === 'true'),
} as const

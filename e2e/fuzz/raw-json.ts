/**
 * A JSON text before it is written: unlike a JavaScript value it can repeat a member, hold any number literal
 * and name something that is known only when it is sent.
 */
export type Raw =
  /** Written as it is. */
  | { readonly literal: string }
  | { readonly text: string }
  /** A name of the schema: a string in JSON, bare in a GraphQL document. */
  | { readonly name: string }
  | { readonly items: readonly Raw[] }
  | { readonly members: readonly Member[] }
  | { readonly ref: Ref }

export type Member = readonly [name: string, value: Raw]

/**
 * What a request may name of the world it meets: of the caller's own store, or of one that is not its own.
 */
export const refs = [
  'own store',
  'own user',
  'own email',
  'own visitor',
  'own key',
  'other store',
  'other user',
  'other email',
  'other visitor',
  'other key',
] as const
export type Ref = (typeof refs)[number]
export type Refs = Readonly<Record<Ref, string | number>>

/** Writes a JSON text. Lone surrogates are escaped, so the text itself is well-formed. */
export function writeJson(raw: Raw, refs: Refs): string {
  if ('literal' in raw) return raw.literal
  if ('text' in raw) return JSON.stringify(raw.text)
  if ('name' in raw) return JSON.stringify(raw.name)
  if ('ref' in raw) return JSON.stringify(refs[raw.ref])
  if ('items' in raw) return `[${raw.items.map((item) => writeJson(item, refs)).join(',')}]`
  return `{${raw.members.map(([name, value]) => `${JSON.stringify(name)}:${writeJson(value, refs)}`).join(',')}}`
}

/** Writes a literal of a GraphQL document. Members whose names are none there are left out. */
export function writeLiteral(raw: Raw, refs: Refs): string {
  if ('name' in raw) return raw.name
  if ('items' in raw) return `[${raw.items.map((item) => writeLiteral(item, refs)).join(',')}]`
  if (!('members' in raw)) return writeJson(raw, refs)
  const members = raw.members.filter(([name]) => /^[_A-Za-z]\w*$/.test(name))
  return `{${members.map(([name, value]) => `${name}:${writeLiteral(value, refs)}`).join(',')}}`
}

/** Writes what a path, a query or a form holds in place of JSON. */
export function writeText(raw: Raw, refs: Refs): string {
  if ('text' in raw) return raw.text
  if ('ref' in raw) return String(refs[raw.ref])
  return 'literal' in raw ? raw.literal : writeJson(raw, refs)
}

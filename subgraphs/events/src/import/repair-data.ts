import { survivesDouble } from '@user-stats/core'

/**
 * The `data` of an event as an object: null is an empty one, a list or a single value its member `value`.
 *
 * @param repaired called with each kind of repair, once
 * @throws RangeError when it is nested too deeply
 */
export function repairData(text: string | null, repaired: (what: string) => void): Record<string, unknown> {
  if (text === null) return {}
  const done = new Set<string>()
  const repair = (what: string): void => {
    if (!done.has(what)) repaired(what)
    done.add(what)
  }
  const value = parse(text, repair)
  if (value === null) {
    repair('data that is null replaced by an empty object')
    return {}
  }
  if (typeof value !== 'object' || Array.isArray(value)) {
    repair('data that is no object put into a member "value"')
    return { value }
  }
  if (countNames(text) > countMembers(value)) repair('repeated members of data: the last one counts')
  return value as Record<string, unknown>
}

type Reviver = (this: unknown, name: string, value: unknown, context: { readonly source?: string }) => unknown
const parseWith = JSON.parse as (text: string, reviver: Reviver) => unknown

const parse = (text: string, repair: (what: string) => void): unknown =>
  parseWith(text, (_name, value, { source }) => {
    if (typeof value === 'number' && source !== undefined && !survivesDouble(source)) {
      repair('numbers in data that double precision would change written as text')
      return source
    }
    if (typeof value === 'string' && !isText(value)) {
      repair('NUL and unpaired surrogates in data replaced')
      return toText(value)
    }
    return value
  })

const isText = (value: string): boolean => !value.includes('\0') && value.isWellFormed()
const toText = (value: string): string => value.toWellFormed().replaceAll('\0', '\uFFFD')

const countNames = (text: string): number => text.replaceAll(/"(?:[^"\\]|\\.)*"/g, '').split(':').length - 1

function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  const members = Object.values(value)
  const own = Array.isArray(value) ? 0 : members.length
  return members.reduce<number>((sum, member) => sum + countMembers(member), own)
}

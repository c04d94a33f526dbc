/** Repeatable random numbers. */
export interface Random {
  /** From 0 until before 1. */
  readonly next: () => number
  readonly chance: (probability: number) => boolean
  /** An integer from 0 until before `below`. */
  readonly integer: (below: number) => number
  readonly pick: <T>(values: readonly T[]) => T
  /** One of the keys, each as often as its number says. */
  readonly weighted: <Key extends string>(weights: Readonly<Record<Key, number>>) => Key
}

/** The generator mulberry32: the same seed returns the same numbers, always. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const integer = (below: number): number => Math.floor(next() * below)
  return {
    next,
    chance: (probability) => next() < probability,
    integer,
    pick: (values) => {
      const value = values[integer(values.length)]
      if (value === undefined) throw new Error('there is nothing to pick from')
      return value
    },
    weighted: (weights) => {
      const entries = Object.entries<number>(weights)
      let rest = next() * entries.reduce((sum, [, weight]) => sum + weight, 0)
      const found = entries.find(([, weight]) => (rest -= weight) < 0) ?? entries[0]
      return found?.[0] as keyof typeof weights
    },
  }
}

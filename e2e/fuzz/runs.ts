const number = (name: string): number | undefined => {
  const value = process.env[name]
  return value === undefined || value === '' ? undefined : Number(value)
}

/** Told at the start; given as `FUZZ_SEED` it repeats a run. */
const seed = number('FUZZ_SEED') ?? Math.trunc(Math.random() * 0x7fffffff)

process.stderr.write(`FUZZ_SEED=${String(seed)}\n`)

/** Each property is tried this often, or `FUZZ_RUNS` times. `FUZZ_PATH` goes straight to a counterexample. */
export const runs = (usual: number) => ({
  seed,
  numRuns: number('FUZZ_RUNS') ?? usual,
  ...(process.env['FUZZ_PATH'] !== undefined && { path: process.env['FUZZ_PATH'], endOnFailure: true }),
})

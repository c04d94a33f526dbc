const number = (name: string): number | undefined => {
  const value = process.env[name]
  return value === undefined || value === '' ? undefined : Number(value)
}

/** Printed at the start; pass it as `FUZZ_SEED` to repeat a run. */
const seed = number('FUZZ_SEED') ?? Math.trunc(Math.random() * 0x7fffffff)

process.stderr.write(`FUZZ_SEED=${String(seed)}\n`)

/** Runs of each property, or `FUZZ_RUNS`. `FUZZ_PATH` replays a counterexample. */
export const runs = (usual: number) => ({
  seed,
  numRuns: number('FUZZ_RUNS') ?? usual,
  ...(process.env['FUZZ_PATH'] !== undefined && { path: process.env['FUZZ_PATH'], endOnFailure: true }),
})

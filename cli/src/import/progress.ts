/** Milliseconds between two lines. */
const interval = 2_000

/** Reports how far an import is and how fast, at most every two seconds. */
export function createProgress(
  report: (text: string) => void,
  noun: string,
  now: () => number = () => performance.now(),
) {
  const began = now()
  let reported = began
  let done = 0
  const line = (share?: number) => {
    const rate = Math.round(done / Math.max(0.001, (now() - began) / 1_000))
    const percent = share === undefined ? '' : ` (${String(Math.floor(100 * share))} %)`
    report(`${done.toLocaleString('en')} ${noun}${percent}, ${rate.toLocaleString('en')} a second`)
  }
  return {
    /** @param share of the whole that is done, if known */
    add(count: number, share?: number): void {
      done += count
      if (now() - reported < interval) return
      reported = now()
      line(share)
    },
    end: (): void => {
      line()
    },
  }
}

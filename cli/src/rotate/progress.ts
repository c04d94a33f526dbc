/** Tells how far it is, not more than once a second but for the beginning and the end. */
export function createProgress(tell: (text: string) => void, now: () => number = Date.now) {
  let told = -Infinity
  return (done: number, total: number): void => {
    if (done > 0 && done < total && now() - told < 1_000) return
    told = now()
    const share = total === 0 ? 100 : Math.floor((100 * done) / total)
    tell(`${done.toLocaleString('en')} of ${total.toLocaleString('en')} users' keys (${String(share)} %)`)
  }
}

/** Reports progress at the start, at the end, and at most once a second in between. */
export function createProgress(report: (text: string) => void, now: () => number = Date.now) {
  let lastReport = -Infinity
  return (done: number, total: number): void => {
    if (done > 0 && done < total && now() - lastReport < 1_000) return
    lastReport = now()
    const share = total === 0 ? 100 : Math.floor((100 * done) / total)
    report(`${done.toLocaleString('en')} of ${total.toLocaleString('en')} users' keys (${String(share)} %)`)
  }
}

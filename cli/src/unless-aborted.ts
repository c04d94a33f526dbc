/**
 * Starts work and waits for it until the signal is aborted. The caller then undoes partial work; later
 * rejections of the work are ignored.
 *
 * @throws the signal's reason when it is aborted; otherwise what the work rejects with
 */
export async function unlessAborted<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  signal?.throwIfAborted()
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = () => {
    reject(signal?.reason as Error)
  }
  signal?.addEventListener('abort', onAbort)
  return await Promise.race([work(), aborted]).finally(() => signal?.removeEventListener('abort', onAbort))
}

/**
 * Starts work and waits for it until the signal is aborted. Then the caller undoes what was begun, and what the work
 * rejects with afterwards is ignored.
 *
 * @throws the signal's reason when it is aborted, before or meanwhile; what the work rejects with
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

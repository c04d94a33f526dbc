const pattern = /^[\w.:-]{1,64}$/

/** The request id sent by the client, if it is safe for logs and the audit log. */
export const acceptableRequestId = (given: unknown): string | undefined =>
  typeof given === 'string' && pattern.test(given) ? given : undefined

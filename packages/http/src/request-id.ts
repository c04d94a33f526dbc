const pattern = /^[\w.:-]{1,64}$/

/** The request id that somebody sent, if it is one that logs and the audit log can hold as it is. */
export const acceptableRequestId = (given: unknown): string | undefined =>
  typeof given === 'string' && pattern.test(given) ? given : undefined

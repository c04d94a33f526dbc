/**
 * The closed catalogue of errors: code → HTTP status and default message. Services answer with no other
 * codes. `docs/errors.md` is generated from it.
 */
export const catalogue = {
  BAD_REQUEST: { status: 400, message: 'The request is malformed.' },
  UNAUTHENTICATED: { status: 401, message: 'A valid access token is needed: Authorization: Bearer <token>.' },
  INVALID_API_KEY: { status: 401, message: 'The API key is not valid.' },
  TOKEN_INVALID: { status: 401, message: 'The access token is not valid. Authenticate again.' },
  TOKEN_EXPIRED: { status: 401, message: 'The access token has expired. Authenticate again.' },
  KEY_REVOKED: { status: 401, message: 'The API key of this token has been revoked.' },
  FORBIDDEN: { status: 403, message: 'The caller may not do this.' },
  STORE_BLOCKED: { status: 403, message: 'The store is blocked.' },
  NOT_FOUND: { status: 404, message: 'There is no such resource.' },
  USER_NOT_FOUND: { status: 404, message: 'There is no such user.' },
  STORE_NOT_FOUND: { status: 404, message: 'There is no such store.' },
  API_KEY_NOT_FOUND: { status: 404, message: 'There is no such API key.' },
  METHOD_NOT_ALLOWED: { status: 405, message: 'This path does not answer that method.' },
  EMAIL_TAKEN: { status: 409, message: 'Another user of the store has this e-mail address.' },
  USERNAME_TAKEN: { status: 409, message: 'Another user of the store has this username.' },
  EXTERNAL_ID_TAKEN: { status: 409, message: 'Another user of the store has this external id.' },
  USER_ERASED: { status: 409, message: 'The user has been erased; events of this user are refused.' },
  EVENT_ERASED: {
    status: 409,
    message: 'The event with this idempotency key has been erased; it is not recorded again.',
  },
  LAST_ADMIN_KEY: { status: 409, message: 'The last admin key cannot be revoked. Create another first.' },
  API_KEY_INACTIVE: { status: 409, message: 'The API key is revoked or has expired.' },
  PAYLOAD_TOO_LARGE: { status: 413, message: 'The request body is too large.' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, message: 'The content type is not supported.' },
  BAD_USER_INPUT: { status: 422, message: 'A value is not valid.' },
  IDEMPOTENCY_KEY_REUSED: {
    status: 422,
    message: 'This idempotency key was used for an event with other content.',
  },
  RANGE_NOT_RETAINED: {
    status: 422,
    message: 'The range needs raw events that are no longer kept. Request later days.',
  },
  QUERY_TOO_EXPENSIVE: {
    status: 422,
    message: 'The request exceeded its time limit. Request a shorter range.',
  },
  OPERATION_TOO_LARGE: {
    status: 422,
    message: 'The operation is larger than is allowed. Request less at a time.',
  },
  ANSWER_TOO_LARGE: {
    status: 422,
    message: 'The answer would be larger than is allowed. Request less at a time.',
  },
  TOO_MANY_REQUESTS: { status: 429, message: 'Too many requests. Try again later.' },
  INTERNAL_SERVER_ERROR: { status: 500, message: 'Something went wrong on our side.' },
  OVERLOADED: { status: 503, message: 'The service is overloaded. Try again soon.' },
  SERVICE_UNAVAILABLE: { status: 503, message: 'The service cannot answer now. Try again soon.' },
  SUBGRAPH_UNAVAILABLE: {
    status: 503,
    message: 'A service behind the gateway cannot answer now. Try again soon.',
  },
  DATABASE_UNAVAILABLE: { status: 503, message: 'The database cannot answer now. Try again soon.' },
  QUEUE_FULL: { status: 503, message: 'Too many events are waiting to be written. Try again soon.' },
} as const satisfies Record<string, { status: number; message: string }>

export type ErrorCode = keyof typeof catalogue

/** Whether a code is in the catalogue. */
export const isErrorCode = (code: unknown): code is ErrorCode =>
  typeof code === 'string' && Object.hasOwn(catalogue, code)

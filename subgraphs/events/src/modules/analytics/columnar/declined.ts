/** The columnar engine leaves a question to PostgreSQL. */
export class DeclinedError extends Error {}

const known = new Set(['*/*', 'application/*', 'application/json', 'application/graphql-response+json'])
const parameter = /^(?:charset="?utf-8"?|q=(?:1(?:\.0{1,3})?|0?\.(?=\d*[1-9])\d{1,3}))$/i

/**
 * Whether an Accept header certainly accepts our responses. Apollo Server checks it only after execution, too
 * late to refuse a mutation. A client that accepts nothing we offer gets JSON.
 */
export function acceptsJson(accept: string | undefined): boolean {
  if (accept === undefined) return true
  if (/\bq=0(?:\.0*)?\s*(?:[,;]|$)/i.test(accept)) return false
  return accept.split(',').some((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim())
    return known.has(type.toLowerCase()) && parameters.every((part) => parameter.test(part))
  })
}

interface Range {
  type: string
  subtype: string
  quality: number
}

/**
 * Whether an `Accept` header prefers HTML to JSON (RFC 9110, section 12.5.1), as browsers do when they open a
 * page. False without a preference (no header, or any type).
 */
export function prefersHtml(accept: string | undefined): boolean {
  const ranges = (accept ?? '*/*').split(',').map(parseRange)
  const json = Math.max(
    quality(ranges, 'application/json'),
    quality(ranges, 'application/graphql-response+json'),
  )
  return quality(ranges, 'text/html') > json
}

function parseRange(text: string): Range {
  const [name = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase())
  const [type = '', subtype = ''] = name.split('/')
  const weight = parameters.find((parameter) => parameter.startsWith('q='))
  const quality = weight === undefined ? 1 : Number(weight.slice(2))
  // An unreadable weight counts as none.
  return { type, subtype, quality: quality >= 0 && quality <= 1 ? quality : 0 }
}

/** The weight of the most specific range that matches a media type; 0 if none does. */
function quality(ranges: Range[], mediaType: string): number {
  const [type, subtype] = mediaType.split('/')
  const range =
    ranges.find((one) => one.type === type && one.subtype === subtype) ??
    ranges.find((one) => one.type === type && one.subtype === '*') ??
    ranges.find((one) => one.type === '*' && one.subtype === '*')
  return range?.quality ?? 0
}

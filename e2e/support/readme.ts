import { readFileSync } from 'node:fs'

/** A block of code of a document, under its heading. */
export interface Block {
  readonly heading: string
  readonly language: string
  readonly text: string
}

export interface Command {
  readonly url: string
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

/** The code blocks of section `Use` of a page, in their order. */
export function blocksOf(page: string): readonly Block[] {
  const text = readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8')
  const section = 'Use'
  const from = text.indexOf(`\n## ${section}\n`)
  if (from === -1) throw new Error(`${page} has no section ${section}`)
  const next = text.indexOf('\n## ', from + 1)
  const to = next === -1 ? undefined : next
  let heading = section
  return [
    ...text
      .slice(from + 4, to)
      .matchAll(/^#+ (?<heading>.+)$|^```(?<language>\w+)\n(?<text>[\s\S]*?)^```$/gm),
  ].flatMap(({ groups = {} }) => {
    heading = groups['heading'] ?? heading
    const { language, text: code } = groups
    return language === undefined || code === undefined ? [] : [{ heading, language, text: code }]
  })
}

const wordPattern = /'(?<plain>[^']*)'|"(?<quoted>(?:[^"\\]|\\.)*)"|(?<bare>[^\s'"]+)/g

/** Parses the curl commands of a shell block. Unknown syntax is refused. */
export function commandsOf(script: string, variables: Readonly<Record<string, string>>): readonly Command[] {
  const input = /<<'EOF'\n([\s\S]*?\n)EOF$/m.exec(script)
  const lines = script
    .replace(input?.[0] ?? '', '')
    .replaceAll('\\\n', ' ')
    .trim()
    .split('\n')
  const expand = (word: string): string =>
    word.replace(/\$(\w+)/g, (_, name: string) => {
      const value = variables[name]
      if (value === undefined) throw new Error(`a command uses $${name}, which is not defined`)
      return value
    })
  return lines.map((line) => {
    const words = [...line.matchAll(wordPattern)].map(
      ({ groups: { plain, quoted, bare } = {} }) =>
        plain ?? expand((quoted ?? bare ?? '').replaceAll('\\"', '"')),
    )
    return toCommand(words, input?.[1])
  })
}

function toCommand([name, ...words]: readonly string[], input: string | undefined): Command {
  if (name !== 'curl') throw new Error(`${name ?? 'nothing'} is no curl`)
  const headers: Record<string, string> = {}
  let url = ''
  let body: string | undefined
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? ''
    const argument = (): string => words[(at += 1)] ?? ''
    if (word === '-H') {
      const [header = '', ...value] = argument().split(': ')
      headers[header] = value.join(': ')
    } else if (word === '-d') body = argument()
    else if (word === '--data-binary') body = argument() === '@-' ? input : undefined
    else if (word === '-o') argument()
    else if (!word.startsWith('-')) url = word
    else if (!/^-s?f?$/.test(word)) throw new Error(`curl ${word} is not known here`)
  }
  return { url, method: body === undefined ? 'GET' : 'POST', headers, body }
}

const kinds: readonly (readonly [RegExp, string])[] = [
  [/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/, 'a UUID'],
  [/^eyJ[\w-]+(…|\.[\w-]+\.[\w-]+)$/, 'a signed token'],
  [/^us_\w_[\w-]{43}$/, 'an API key'],
  [/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'an instant'],
  [/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/, 'an instant as the previous system wrote it'],
  [/^\d{4}-\d\d-\d\d$/, 'a day'],
]

/** A response with variable values replaced by their kind. */
export function shapeOf(answer: unknown): unknown {
  if (typeof answer === 'string') return kinds.find(([pattern]) => pattern.test(answer))?.[1] ?? answer
  if (Array.isArray(answer)) return answer.map(shapeOf)
  if (typeof answer !== 'object' || answer === null) return answer
  return Object.fromEntries(Object.entries(answer).map(([name, value]) => [name, shapeOf(value)]))
}

import { setImmediate } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { maxAnswerBytes, serializeAnswer } from '../src/serialize-answer.ts'

const list = <T>(length: number, item: (at: number) => T): T[] => Array.from({ length }, (_, at) => item(at))
/** Objects as graphql-js creates them. */
const bare = (members: object): object => Object.assign(Object.create(null) as object, members)
const point = (at: number): object =>
  bare({ start: new Date(at), events: at, label: `ü "${String(at)}"`, statistics: null })

const answers: Record<string, object> = {
  'a small one': { errors: undefined, data: { me: 'STORE' }, extensions: undefined },
  'errors only': { errors: [{ message: 'No.' }], data: undefined },
  'a long list of objects': { data: bare({ points: list(20_000, point) }) },
  'long lists in lists': { data: { groups: list(30, (at) => bare({ key: at, points: list(700, point) })) } },
  'lists of lists': { data: { rows: list(300, () => list(50, (at) => at)), empty: [], nothing: [[], [[]]] } },
  'large objects between small ones': {
    data: { nodes: list(40, (at) => ({ at, data: at % 7 === 3 ? { values: list(9_000, String) } : {} })) },
  },
  'long texts': { data: { nodes: list(100, (at) => ({ data: { text: 'é'.repeat(at * 100) } })) } },
  'many members': {
    data: Object.fromEntries(list(20_000, (at) => [`m${String(at)}`, at % 2 ? at : undefined])),
  },
  'nothing but undefined': { data: { a: list(6_000, () => ({ b: undefined })), b: undefined } },
}

test.each(Object.entries(answers))(
  'a response serialized in pieces equals JSON.stringify: %s',
  async (_what, answer) => {
    expect(await serializeAnswer(answer)).toBe(JSON.stringify(answer))
  },
)

test('the event loop runs while a large response is serialized', async () => {
  let turns = 0
  let done = false
  const count = async (): Promise<void> => {
    while (!done) {
      turns += 1
      await setImmediate()
    }
  }
  void count()
  // Twenty times what takes ten milliseconds on any machine.
  await serializeAnswer({ data: list(80_000, point) })
  done = true
  expect(turns).toBeGreaterThan(2)
})

test('a response above the maximum size is refused, with the limit and the size', async () => {
  const text = 'é'.repeat(1_000)
  const answerOf = (bytes: number) => ({ data: list(bytes / 2_000, () => text) })
  expect(await serializeAnswer(answerOf(maxAnswerBytes - 40_000))).toContain(text)
  await expect(serializeAnswer(answerOf(maxAnswerBytes * 2))).rejects.toMatchObject({
    code: 'ANSWER_TOO_LARGE',
    limit: { name: 'answerBytes', maximum: maxAnswerBytes },
    message: expect.stringContaining(`at most ${String(maxAnswerBytes)} are allowed`),
  })
})

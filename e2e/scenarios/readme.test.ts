import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { authenticate, call } from '../support/legacy-client.ts'
import { blocksOf, commandsOf, shapeOf, type Block } from '../support/readme.ts'
import { startTestStack, type TestStack } from '../support/stack.ts'

let stack: TestStack
beforeAll(async () => {
  stack = await startTestStack()
}, 120_000)
afterAll(async () => {
  await stack.stop()
}, 60_000)

/** Jane's id in the README, which differs in each run. */
const idPattern = /[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/g

test.each(['docs/guide.md', 'README.md'])(
  'the examples of %s have the documented results',
  async (page) => {
    const { gateway } = stack.urls
    const blocks = blocksOf(page)
    const admin = await authenticate(gateway, stack.adminApiKey)
    let store = ''
    let jane = ''
    let analyst = ''

    async function send(text: string, token: string) {
      const { status, body } = await call(gateway, 'POST', '/graphql', {
        token,
        body: { query: text },
        headers: { prefer: 'return=minimal' },
      })
      if (body.data?.createStore !== undefined) {
        store = await authenticate(gateway, body.data.createStore.secret)
        const { store_id: id } = JSON.parse(Buffer.from(store.split('.')[1] ?? '', 'base64url').toString())
        const mutation = `mutation { createApiKey(input: { role: ANALYST, storeId: ${String(id)}, name: "Reports" }) { secret } }`
        const made = await call(gateway, 'POST', '/graphql', { token: admin, body: { query: mutation } })
        analyst = await authenticate(gateway, made.body.data.createApiKey.secret)
      }
      jane = body.data?.createUser?.user.id ?? jane
      return [{ status, body }]
    }
    async function run(script: string) {
      const answers = []
      for (const { url, method, headers, body } of commandsOf(script, {
        KEY: stack.adminApiKey,
        TOKEN: store,
      })) {
        const address = `http://${url}`.replace('http://localhost:8000', gateway)
        const response = await fetch(address, { method, headers, ...(body !== undefined && { body }) })
        answers.push({ status: response.status, body: await response.json() })
      }
      return answers
    }
    /** With Jane's id, and a day that is yesterday's whenever this runs. */
    const asOfNow = (text: string): string =>
      text
        .replaceAll(idPattern, jane)
        .replace(
          /"occurred_at":"[\d-]+/,
          `"occurred_at":"${new Date(Date.now() - 86_400_000).toISOString().slice(0, 10)}`,
        )
    const answersOf = ({ heading, language, text }: Block) =>
      language === 'sh'
        ? run(asOfNow(text))
        : send(
            asOfNow(text),
            heading.includes('admin') ? admin : heading.includes('analyst') ? analyst : store,
          )

    let answered = 0
    for (const [at, block] of blocks.entries()) {
      if (block.language === 'json') continue
      const answers = await answersOf(block)
      const next = blocks[at + 1]
      if (next?.language === 'json') {
        const wanted = block.language === 'sh' ? next.text.trim().split(/\n(?=[[{])/) : [next.text]
        const [shown, real] = [
          wanted.map((text) => JSON.parse(text) as unknown),
          answers.map(({ body }) => body),
        ]
        expect(shapeOf(real)).toEqual(shapeOf(shown))
        answered += 1
      } else expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    }
    // Every documented response has been compared.
    expect(answered).toBe(blocks.filter(({ language }) => language === 'json').length)
    expect(answered).toBeGreaterThan(6)
  },
  120_000,
)

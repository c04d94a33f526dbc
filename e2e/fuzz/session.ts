import { expect } from '@jest/globals'
import { buildClientSchema, getIntrospectionQuery, type GraphQLSchema } from 'graphql'
import { call } from '../support/legacy-client.ts'
import { startTestStack, type TestStack } from '../support/stack.ts'
import { createClient, type Answer, type Outgoing } from './exchange.ts'
import { internalIn, namesOnlyInside, valueIn } from './leaks.ts'
import { createLogReader } from './logs.ts'
import { createStateReader, type State } from './state.ts'
import { createWorld, type Role } from './world.ts'

export type Port = keyof TestStack['urls']
export const ports = ['gateway', 'users', 'events'] as const satisfies readonly Port[]

/** The effects that a response acknowledges. */
export interface Verdict {
  /** Nothing may have changed: it was refused, or a query. */
  readonly unchanged: boolean
  /** The errors in a response, which may quote no value. */
  readonly refusal?: string
}

export type Session = Awaited<ReturnType<typeof startSession>>

/** A running system and everything that is watched while requests are sent to it. */
export async function startSession() {
  await using undo = new AsyncDisposableStack()
  // Every request has a log line that is looked through.
  // Wrong tokens and keys are part of what is sent.
  const stack = undo.use(await startTestStack({ env: { LOG_LEVEL: 'debug', AUTH_FAILURE_LIMIT: '1000000' } }))
  const world = await createWorld(stack)
  const client = undo.adopt(createClient(), ({ close }) => {
    close()
  })
  const reader = undo.adopt(await createStateReader(stack, world.otherStore), async ({ close }) => {
    await close()
  })
  const logs = createLogReader(stack.dataDir)
  const pids = () => ports.map((port) => stack.services[port].pid)
  const started = pids()
  let before: State = await reader.read()
  const guarded = before.guarded
  let insideOnly: RegExp | undefined

  /** Checks that hold for every response. @throws the violated one */
  async function inspect(role: Role, answer: Answer, { unchanged, refusal }: Verdict): Promise<void> {
    expect({ 'processes that serve': pids() }).toEqual({ 'processes that serve': started })
    const shown = answer.text + JSON.stringify(answer.headers)
    expect({ 'not for this caller': valueIn(shown, world.forbiddenTo(role)) }).toEqual({})
    if (refusal !== undefined) {
      expect({ 'value in a refusal': valueIn(refusal, world.secrets()) }).toEqual({})
      expect({ 'internal in a refusal': internalIn(refusal, insideOnly) }).toEqual({})
    }
    await inspectLogs()
    await inspectState(unchanged)
  }

  async function inspectState(unchanged: boolean): Promise<void> {
    const now = await reader.read()
    expect({ 'rows of the other store': now.guarded }).toEqual({ 'rows of the other store': guarded })
    if (unchanged)
      expect({ 'rows after nothing was acknowledged': now.all }).toEqual({
        'rows after nothing was acknowledged': before.all,
      })
    else if (now.all !== before.all) await world.restore()
  }

  async function inspectLogs(): Promise<void> {
    const lines = await logs.read()
    expect({
      unexpected: lines
        .split('\n')
        .filter((line) => line.includes('unexpected error') || line.includes('"level":"fatal"')),
    }).toEqual({ unexpected: [] })
    expect({ 'value in a log': valueIn(lines, world.secrets()) }).toEqual({})
  }

  /** Checks a response; a failure is reported together with the request and the response. */
  async function explain(outgoing: Outgoing, answer: Answer, look: () => Promise<void>): Promise<void> {
    try {
      await look()
    } catch (error) {
      const got = [String(answer.status), answer.text.slice(0, 2_000)]
      throw new Error(
        `${(error as Error).message}\n\nsent: ${describe(outgoing)}\n\nanswered: ${got.join('\n')}\n`,
        { cause: error },
      )
    }
  }

  await logs.read()
  const resources = undo.move()
  return {
    world,
    exchange: async (port: Port, outgoing: Outgoing): Promise<Answer> => {
      // Reset each time: one finding must not be reported again by the next request.
      before = await reader.read()
      await logs.read()
      return await client.exchange(stack.urls[port], outgoing).catch((error: unknown) => {
        throw new Error(`no answer: ${String(error)}\n\nsent: ${describe(outgoing)}`, { cause: error })
      })
    },
    /** The OpenAPI document of a port. */
    document: async (port: Port): Promise<unknown> =>
      (await fetch(`${stack.urls[port]}/openapi.json`)).json(),
    /** The schema of a port, as a caller sees it. */
    schema: async (port: Port, role: Role): Promise<GraphQLSchema> => {
      const { body } = await call(stack.urls[port], 'POST', '/graphql', {
        token: world.tokens[role],
        body: { query: getIntrospectionQuery() },
      })
      return buildClientSchema(body.data)
    },
    inspect,
    explain,
    /** Adds public names, so that all other names of the databases are known to be internal. */
    publish: (documents: readonly string[]) => {
      insideOnly = namesOnlyInside(reader.names, documents)
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}

const describe = ({ method, path, headers, body }: Outgoing): string =>
  `${method} ${path}\n${JSON.stringify(headers)}\n${Buffer.from(body ?? '')
    .toString()
    .slice(0, 2_000)}`

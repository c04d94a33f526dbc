import type { Stack } from '../src/index.ts'

/** A new store on a running stack, used over HTTP as stores do. */
export async function openShop(stack: Pick<Stack, 'urls' | 'adminApiKey'>, name = 'Shoes') {
  const { send, tokenFor } = clientOf(stack)
  const { body } = await send('POST', '/api/store', await tokenFor(stack.adminApiKey ?? ''), { name })
  return { id: body.id as number, apiKey: body.api_key as string, ...(await reopenShop(stack, body.api_key)) }
}

function clientOf({ urls }: Pick<Stack, 'urls'>) {
  const send = async (method: string, path: string, token: string | undefined, body?: unknown) => {
    const answer = await fetch(new URL(path, urls.gateway), {
      method,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return { status: answer.status, body: (await answer.json()) as any }
  }
  const tokenFor = async (api_key: string): Promise<string> =>
    (await send('POST', '/api/auth/', undefined, { api_key })).body.access_token
  return { send, tokenFor }
}

/** The same with the key of an existing store. */
export async function reopenShop(stack: Pick<Stack, 'urls'>, apiKey: string) {
  const { send, tokenFor } = clientOf(stack)
  const token = await tokenFor(apiKey)
  return {
    token,
    tokenFor,
    send,
    /** @returns the user's id */
    register: async (who: string): Promise<string> => {
      const { body } = await send('POST', '/api/user', token, {
        email: `${who}@example.org`,
        username: who,
        first_name: who,
        last_name: 'Doe',
        phone: 491_701_234_567,
      })
      return body.id
    },
    visit: async (userId: string, times = 1): Promise<void> => {
      for (let n = 0; n < times; n += 1)
        await send('POST', '/api/event', token, { type: 'view', user_id: userId, data: { n } })
    },
    /** The user's id, or the status instead. */
    find: async (who: string): Promise<string | number> => {
      const { status, body } = await send('GET', `/api/user/${who}@example.org`, token)
      return status === 200 ? body.id : status
    },
    views: async (): Promise<number> => {
      const { body } = await send('GET', '/api/event/amount/view', token)
      return body.reduce((sum: number, day: { event_amount: number }) => sum + day.event_amount, 0)
    },
  }
}

import { expect } from '@jest/globals'
import type { Answer, Outgoing } from '../exchange.ts'
import type { World } from '../world.ts'
import type { Operation } from './operations.ts'

/** Checks, as an admin, that acknowledged data is stored as it was sent. */
export async function expectKept(
  { graphql }: World,
  operation: Operation,
  sent: Outgoing,
  { text }: Answer,
): Promise<void> {
  if (sent.method !== 'POST') return
  const body = JSON.parse(text)
  if (operation.path === '/api/event') {
    expect(body).toMatchObject(sentMembers(sent, ['type', 'user_id']))
    expect(body.data).toEqual(sentData(sent) ?? body.data)
    const { events } = await graphql(
      `
        query ($storeId: Int!, $userId: String!, $type: String!) {
          events(storeId: $storeId, userId: $userId, types: [$type], first: 200) {
            nodes {
              id
              data
            }
          }
        }
      `,
      { storeId: body.store_id, userId: body.user_id, type: body.type },
    )
    expect(events.nodes).toContainEqual({ id: String(body.id), data: body.data })
  } else if (operation.path === '/api/user') {
    const { id, store_id: storeId, email, username, first_name: firstName, last_name: lastName, phone } = body
    expect(body).toMatchObject(sentMembers(sent, ['email', 'username', 'first_name', 'last_name', 'phone']))
    const { userByEmail } = await graphql(
      `
        query ($storeId: Int!, $email: String!) {
          userByEmail(storeId: $storeId, email: $email) {
            id
            email
            username
            firstName
            lastName
            phone
          }
        }
      `,
      { storeId, email },
    )
    expect(userByEmail).toEqual({ id, email, username, firstName, lastName, phone })
  }
}

/** Data of a JSON body; what is nothing is an empty object. */
function sentData(sent: Outgoing): unknown {
  const { data, type } = sentMembers(sent, ['data', 'type'])
  const isNothing = data == null || (Array.isArray(data) && data.length === 0)
  return type !== undefined && isNothing ? {} : data
}

/** Members of a JSON body, as JSON defines them. Forms only contain text and are not checked. */
function sentMembers({ headers, body }: Outgoing, names: readonly string[]): Record<string, unknown> {
  const isJson = headers.some(([name, value]) => name === 'content-type' && /json/i.test(value))
  if (!isJson || body === undefined) return {}
  const members = JSON.parse(new TextDecoder().decode(body)) as Record<string, unknown>
  // Minus nought is nought: JSON's writers know no other.
  const entries = names.map((name) => [name, members[name]])
  return JSON.parse(JSON.stringify(Object.fromEntries(entries))) as Record<string, unknown>
}

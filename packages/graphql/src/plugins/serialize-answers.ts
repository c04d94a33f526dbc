import type { ApolloServerPlugin, HTTPGraphQLRequest, HTTPGraphQLResponse } from '@apollo/server'
import type { GraphQLFormattedError, OperationTypeNode } from 'graphql'
import { answerFailure } from '../errors/answer-failure.ts'
import type { RequestContext } from '../request.ts'
import { serializeAnswer } from '../serialize-answer.ts'

/** A serialized response, in place of its data. */
class SerializedAnswer {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** The errors in a response, and the type of its operation, if it was parsed. */
export interface AnsweredErrors {
  readonly errors: readonly GraphQLFormattedError[]
  readonly operation: OperationTypeNode | undefined
}

/**
 * Apollo Server's `stringifyResult`: responses are serialized already, except for errors before any
 * operation.
 */
export const stringifyResult = (value: { readonly data?: unknown }): string =>
  value.data instanceof SerializedAnswer ? value.data.text : `${JSON.stringify(value)}\n`

/**
 * Apollo Server plugin, the last of all: serializes responses over HTTP in pieces, refuses those too large,
 * and records the errors in each.
 */
export function createAnswerSerializer<Context extends RequestContext>() {
  const answered = new WeakMap<HTTPGraphQLRequest, AnsweredErrors>()
  const plugin: ApolloServerPlugin<Context> = {
    requestDidStart: () =>
      Promise.resolve({
        willSendResponse: async ({ request, operation, response: { body, http } }) => {
          if (request.http === undefined || body.kind !== 'single') return
          const { errors, data, extensions } = body.singleResult
          const answer = await serializeAnswer({ errors, data, extensions })
            .then((text) => ({ text, errors, status: undefined }))
            .catch(answerFailure)
          if (answer.status !== undefined) http.status = answer.status
          answered.set(request.http, { errors: answer.errors ?? [], operation: operation?.operation })
          body.singleResult = { data: new SerializedAnswer(`${answer.text}\n`) as never }
        },
      }),
  }
  return {
    plugin,
    errorsOf: (request: HTTPGraphQLRequest, { body }: HTTPGraphQLResponse): AnsweredErrors => {
      const known = answered.get(request)
      if (known !== undefined) return known
      // Plugins are not called for a request without an operation: the response only has errors.
      const { errors = [] } = (
        body.kind === 'complete' ? JSON.parse(body.string) : {}
      ) as Partial<AnsweredErrors>
      return { errors, operation: undefined }
    },
  }
}

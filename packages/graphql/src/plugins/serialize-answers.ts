import type { ApolloServerPlugin, HTTPGraphQLRequest, HTTPGraphQLResponse } from '@apollo/server'
import type { GraphQLFormattedError, OperationTypeNode } from 'graphql'
import { answerFailure } from '../errors/answer-failure.ts'
import type { RequestContext } from '../request.ts'
import { serializeAnswer } from '../serialize-answer.ts'

/** An answer that has been serialized, in place of its data. */
class SerializedAnswer {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** The errors in an answer, and the kind of its operation, if one was read. */
export interface AnsweredErrors {
  readonly errors: readonly GraphQLFormattedError[]
  readonly operation: OperationTypeNode | undefined
}

/** Apollo Server's `stringifyResult`: answers have been serialized by then, but for errors before any operation. */
export const stringifyResult = (value: { readonly data?: unknown }): string =>
  value.data instanceof SerializedAnswer ? value.data.text : `${JSON.stringify(value)}\n`

/**
 * Apollo Server's plugin, the last of all: serializes answers over HTTP piece by piece, refuses those too large, and
 * remembers the errors in each.
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
      // Plugins are not called for a request that holds no operation: all there is are errors.
      const { errors = [] } = (
        body.kind === 'complete' ? JSON.parse(body.string) : {}
      ) as Partial<AnsweredErrors>
      return { errors, operation: undefined }
    },
  }
}

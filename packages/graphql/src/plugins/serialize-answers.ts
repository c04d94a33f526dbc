import type { ApolloServerPlugin } from '@apollo/server'
import type { Metrics } from '@user-stats/http'
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

/** Apollo Server's `stringifyResult`: answers have been serialized by then, but for errors before any operation. */
export const stringifyResult = (value: { readonly data?: unknown }): string =>
  value.data instanceof SerializedAnswer ? value.data.text : `${JSON.stringify(value)}\n`

/** Apollo Server's plugin, the last of all: serializes answers over HTTP piece by piece, and refuses those too large. */
export function serializeAnswers<Context extends RequestContext>(
  metrics: Metrics,
): ApolloServerPlugin<Context> {
  return {
    requestDidStart: () =>
      Promise.resolve({
        willSendResponse: async ({ request, response, contextValue }) => {
          const { body, http } = response
          if (request.http === undefined || body.kind !== 'single') return
          const { errors, data, extensions } = body.singleResult
          const text = await serializeAnswer({ errors, data, extensions }).catch((error: unknown) => {
            const failure = answerFailure(error, contextValue.log, metrics)
            http.status = failure.status
            return failure.text
          })
          body.singleResult = { data: new SerializedAnswer(`${text}\n`) as never }
        },
      }),
  }
}

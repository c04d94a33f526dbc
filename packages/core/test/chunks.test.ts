import { expect, test } from '@jest/globals'
import { inChunks, deadlineExceeded } from '../src/index.ts'

test('a list is processed in chunks, and the event loop runs in between', async () => {
  const seen: string[] = []
  const results = inChunks([1, 2, 3, 4, 5], 2, async (chunk) => {
    seen.push(`begin ${chunk.join()}`)
    await Promise.resolve()
    seen.push('end')
    return chunk.map((item) => item * 10)
  })
  setImmediate(() => seen.push('other work'))
  expect(await results).toEqual([10, 20, 30, 40, 50])
  expect(seen.slice(0, 4)).toEqual(['begin 1,2', 'end', 'other work', 'begin 3,4'])
  expect(await inChunks([], 2, () => [1])).toEqual([])
})

test('an abort between two chunks ends the work, and a list of one chunk ignores the signal', async () => {
  const controller = new AbortController()
  const seen: number[] = []
  const work = (chunk: readonly number[]): readonly number[] => {
    seen.push(...chunk)
    controller.abort(deadlineExceeded)
    return chunk
  }
  const ended = inChunks([1, 2, 3], 1, work, controller)
  await expect(ended).rejects.toMatchObject({ code: 'QUERY_TOO_EXPENSIVE' })
  expect(seen).toEqual([1])
  const request = {
    get signal(): AbortSignal {
      throw new Error('it is costly')
    },
  }
  expect(await inChunks([1, 2], 2, (chunk) => chunk, request)).toEqual([1, 2])
})

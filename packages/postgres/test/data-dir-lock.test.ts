import { expect, test } from '@jest/globals'
import { DataDirInUseError, lockDataDir } from '../src/index.ts'
import { startFixture, temporaryDir } from './helpers.ts'

test('a second start on a data directory fails, naming the directory and the process that holds it', async () => {
  await using temporary = await temporaryDir()
  const holder = await startFixture('hold-lock.ts', temporary.dir)

  const refusal = await lockDataDir(temporary.dir).catch((error: unknown) => error)
  expect(refusal).toBeInstanceOf(DataDirInUseError)
  expect(refusal).toMatchObject({ dataDir: temporary.dir, pid: holder.pid })
  expect((refusal as Error).message).toContain(`${temporary.dir} is in use`)

  await holder.kill()
})

test('the lock ends with its holder, even one killed with SIGKILL', async () => {
  await using temporary = await temporaryDir()
  const holder = await startFixture('hold-lock.ts', temporary.dir)
  await holder.kill()

  await using lock = await lockDataDir(temporary.dir)
  expect(lock).toBeDefined()
})

test('a released lock can be taken again, also in the same process', async () => {
  await using temporary = await temporaryDir()
  const first = await lockDataDir(temporary.dir)
  await expect(lockDataDir(temporary.dir)).rejects.toMatchObject({ pid: process.pid })
  await first.release()
  await first.release()
  await using second = await lockDataDir(temporary.dir)
  expect(second).toBeDefined()
})

import { chmod, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from '@jest/globals'
import { keepMasterKey } from '../src/secrets.ts'

test('a master key with open permissions is made private at the next start, and does not change', async () => {
  const dir = await mkdtemp(path.join(tmpdir(), 'secrets-'))
  try {
    const made = await keepMasterKey(dir)
    await chmod(made.file, 0o644)
    const found = await keepMasterKey(dir)
    expect(found).toEqual({ ...made, created: false })
    expect((await stat(made.file)).mode & 0o777).toBe(0o600)
  } finally {
    await rm(dir, { recursive: true })
  }
})

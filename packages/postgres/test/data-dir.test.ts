import { chmod, mkdir, stat, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from '@jest/globals'
import { lockDataDir } from '../src/index.ts'
import { temporaryDir } from './helpers.ts'

const remedy = 'Set it to a directory that this user may write to.'

/** Reasons why each directory below `dir` cannot be used. */
const unusable: readonly (readonly [string, (dir: string) => Promise<readonly [string, string]>])[] = [
  [
    'a file',
    async (dir) => {
      await writeFile(path.join(dir, 'file'), '')
      return [path.join(dir, 'file'), `${dir}/file is not a directory`]
    },
  ],
  [
    'below a file',
    async (dir) => {
      await writeFile(path.join(dir, 'file'), '')
      return [path.join(dir, 'file/a/b'), `${dir}/file/a/b cannot be created: ${dir}/file is not a directory`]
    },
  ],
  [
    'a dangling symbolic link',
    async (dir) => {
      await symlink(path.join(dir, 'none'), path.join(dir, 'link'))
      return [path.join(dir, 'link'), `${dir}/link is a symbolic link to ${dir}/none, which does not exist`]
    },
  ],
  [
    'below a dangling symbolic link',
    async (dir) => {
      await symlink('none', path.join(dir, 'link'))
      return [path.join(dir, 'link/data'), `${dir}/link is a symbolic link to none, which does not exist`]
    },
  ],
  [
    'a circle of symbolic links',
    async (dir) => {
      await symlink('circle', path.join(dir, 'circle'))
      return [
        path.join(dir, 'circle'),
        `${dir}/circle cannot be used: its symbolic links lead in a circle (ELOOP)`,
      ]
    },
  ],
  [
    'a name that is too long',
    (dir) => {
      const long = path.join(dir, 'x'.repeat(256))
      return Promise.resolve([long, `${long} cannot be created: a name in it is too long (ENAMETOOLONG)`])
    },
  ],
  [
    'a path that is too long',
    (dir) => {
      const long = path.join(dir, ...Array<string>(6).fill('x'.repeat(100)))
      return Promise.resolve([long, `a path of ${String(long.length)} bytes is too long; at most 490 work`])
    },
  ],
]

test.each(unusable)('as a data directory %s is refused in one line with the reason', async (_, prepare) => {
  await using temporary = await temporaryDir()
  const [dir, reason] = await prepare(temporary.dir)
  await expect(lockDataDir(dir)).rejects.toMatchObject({ message: `DATA_DIR: ${reason}. ${remedy}` })
  await expect(lockDataDir(dir, '--to')).rejects.toMatchObject({ message: `--to: ${reason}. ${remedy}` })
})

test('the longest path that is not refused works', async () => {
  await using temporary = await temporaryDir()
  const parent = path.join(temporary.dir, ...Array<string>(3).fill('x'.repeat(100)))
  await using lock = await lockDataDir(path.join(parent, 'y'.repeat(490 - parent.length - 1)))
  expect(lock).toBeDefined()
})

test.each([
  ['/dev/null', '/dev/null is not a directory'],
  ...(process.platform === 'linux'
    ? [
        ['/proc/foo', '/proc/foo cannot be created: /proc takes no new directories'] as const,
        ['/proc/foo/bar', '/proc/foo cannot be created: /proc takes no new directories'] as const,
      ]
    : []),
])('%s is refused, and does not hang', async (dir, reason) => {
  await expect(lockDataDir(dir)).rejects.toMatchObject({ message: `DATA_DIR: ${reason}. ${remedy}` })
})

/** Does something as a user who is not root. */
async function asUnprivileged(work: () => Promise<void>): Promise<void> {
  if (process.getuid?.() !== 0) return work()
  process.seteuid?.(65_534)
  try {
    await work()
  } finally {
    process.seteuid?.(0)
  }
}

test('a directory without write permission is refused, whether or not it exists', async () => {
  await using temporary = await temporaryDir()
  const dir = path.join(temporary.dir, 'theirs')
  await mkdir(dir)
  await chmod(dir, 0o555)
  await asUnprivileged(async () => {
    await expect(lockDataDir(dir)).rejects.toMatchObject({
      message: `DATA_DIR: ${dir}/lock cannot be written: this user may not write there (EACCES). ${remedy}`,
    })
    await expect(lockDataDir(path.join(dir, 'data'))).rejects.toMatchObject({
      message: `DATA_DIR: ${dir}/data cannot be created: this user may not write there (EACCES). ${remedy}`,
    })
  })
})

test('a directory with spaces, below others that do not exist, is created for its user only', async () => {
  await using temporary = await temporaryDir()
  const dir = path.join(temporary.dir, 'deep', 'our data')
  await using _lock = await lockDataDir(dir)
  expect((await stat(dir)).mode & 0o066).toBe(0)
  expect((await stat(path.join(dir, 'lock'))).mode & 0o777).toBe(0o600)
})

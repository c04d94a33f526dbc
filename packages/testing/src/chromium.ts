import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { LaunchOptions } from 'playwright-core'

const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Requests to other hosts fail here too, so that no test depends on the internet.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
]

/**
 * How to launch Chromium: the one of `CHROMIUM_PATH`, else the one from npm (Linux on x64, with its libraries
 * and a font, so that it runs on a bare machine), else the installed Google Chrome.
 */
export async function launchOptions(): Promise<LaunchOptions> {
  const named = process.env['CHROMIUM_PATH']
  if (named) return { args, executablePath: named }
  if (process.platform !== 'linux' || process.arch !== 'x64') return { args, channel: 'chrome' }
  const directory = await unpack()
  const libraries = [join(directory, 'al2023/lib'), process.env['LD_LIBRARY_PATH']].filter(Boolean).join(':')
  return {
    args,
    executablePath: join(directory, 'chromium'),
    env: { ...process.env, LD_LIBRARY_PATH: libraries, FONTCONFIG_FILE: join(directory, 'fonts.conf') },
  }
}

/** Unpacks the browser once per version and returns its directory. Safe for concurrent processes. */
async function unpack(): Promise<string> {
  const entry = createRequire(import.meta.url).resolve('@sparticuz/chromium')
  const { version } = JSON.parse(await readFile(join(dirname(entry), '../../package.json'), 'utf8')) as {
    version: string
  }
  const cache = join(import.meta.dirname, '../../node_modules/.cache')
  const directory = join(cache, `chromium-${version}`)
  if (existsSync(directory)) return directory

  await mkdir(cache, { recursive: true })
  const staging = await mkdtemp(join(cache, 'unpacking-'))
  try {
    // The package unpacks into the temporary directory, and unpacks its shared libraries only on AWS Lambda.
    // Both depend on environment variables, so it runs in a process of its own.
    const script = `import chromium from '@sparticuz/chromium'; await chromium.executablePath()`
    await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
      cwd: import.meta.dirname,
      env: { ...process.env, NODE_OPTIONS: '', TMPDIR: staging, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x' },
    })
    await writeFile(join(staging, 'fonts.conf'), fontconfig)
    await rename(staging, directory)
  } catch (error) {
    await rm(staging, { recursive: true, force: true })
    // Another process was faster.
    if (!existsSync(directory)) throw error
  }
  return directory
}

const fontconfig = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts</dir>
  <dir prefix="relative">fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
`

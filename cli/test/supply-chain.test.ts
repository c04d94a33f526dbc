import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from '@jest/globals'
import { temporaryDir } from './helpers.ts'

const root = path.join(import.meta.dirname, '../..')
const json = async (file: string): Promise<any> => JSON.parse(await readFile(path.join(root, file), 'utf8'))

interface Entry {
  /** The real name of a package installed under another name. */
  readonly name?: string
  readonly version: string
  readonly dev?: boolean
  readonly devOptional?: boolean
  readonly link?: boolean
  readonly hasInstallScript?: boolean
}
let packages: [string, Entry][]
beforeAll(async () => {
  const lock = await json('package-lock.json')
  packages = Object.entries<Entry>(lock.packages).filter(
    ([at, { link }]) => at.includes('node_modules/') && link !== true,
  )
})
const nameOf = ([at, { name }]: [string, Entry]): string =>
  name ?? at.slice(at.lastIndexOf('node_modules/') + 'node_modules/'.length)

test('every package with an install script is allowed or denied by name, and nothing else is named', async () => {
  const { allowScripts } = await json('package.json')
  const scripted = packages.filter(([, entry]) => entry.hasInstallScript === true).map(nameOf)
  expect(scripted.length).toBeGreaterThan(0)
  expect(Object.keys(allowScripts).sort()).toEqual([...new Set(scripted)].sort())
  for (const decision of Object.values(allowScripts)) expect(typeof decision).toBe('boolean')
})

test('the lock file names a hash of everything it installs, and no registry', async () => {
  const text = await readFile(path.join(root, 'package-lock.json'), 'utf8')
  expect(text).not.toMatch(/"resolved": "https?:/)
  const { packages: all } = JSON.parse(text)
  const unhashed = packages.filter(([at]) => all[at].integrity === undefined && all[at].inBundle !== true)
  expect(unhashed).toEqual([])
})

/** The bill of materials, created without a network. */
async function bill(): Promise<any> {
  await using home = await temporaryDir()
  const file = path.join(home.dir, 'sbom.json')
  const env = { ...process.env, npm_config_registry: 'http://127.0.0.1:9', npm_config_offline: 'true' }
  await promisify(execFile)(process.execPath, ['cli/scripts/sbom.ts', file], { cwd: root, env })
  return JSON.parse(await readFile(file, 'utf8'))
}

let bom: any
beforeAll(async () => {
  bom = await bill()
}, 300_000)

test('the bill of materials is CycloneDX: with unique references that resolve, purls and hashes', () => {
  expect(bom).toMatchObject({
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    serialNumber: expect.stringMatching(/^urn:uuid:[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/),
    metadata: { component: { type: 'application', name: 'user-statistics' } },
  })
  const own = bom.metadata.component['bom-ref']
  const refs: string[] = bom.components.map((component: any) => component['bom-ref'])
  expect(new Set([...refs, own]).size).toBe(refs.length + 1)
  for (const component of bom.components) {
    expect(component).toMatchObject({
      type: 'library',
      name: expect.stringMatching(/./),
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      purl: expect.stringMatching(/^pkg:npm\/[^\s]+@\d/),
    })
    for (const { alg, content } of component.hashes ?? [])
      expect([alg, content]).toEqual(['SHA-512', expect.stringMatching(/^[\da-f]{128}$/)])
  }
  const known = new Set([...refs, own])
  expect(new Set(bom.dependencies.map(({ ref }: any) => ref))).toEqual(known)
  for (const { dependsOn } of bom.dependencies) for (const ref of dependsOn) expect(known).toContain(ref)
})

test('the bill of materials lists every package of production, and none of development', () => {
  const named = new Set<string>(bom.components.map((component: any) => component['bom-ref']))
  const refOf = (found: [string, Entry]) => `${nameOf(found)}@${found[1].version}`
  const runs = packages.filter(([, { dev, devOptional }]) => dev !== true && devOptional !== true).map(refOf)
  const others = [...named].filter((ref) => !ref.startsWith('@user-stats/'))
  expect(others.toSorted()).toEqual([...new Set(runs)].toSorted())
  for (const name of ['fastify', 'pg', '@apollo/gateway', '@apollo/subgraph', '@prisma/client', 'graphql'])
    expect(others.some((ref) => ref.startsWith(`${name}@`))).toBe(true)
  for (const name of ['jest', 'typescript', 'eslint', 'turbo', 'prettier', 'prisma', 'knip'])
    expect(others.filter((ref) => ref.startsWith(`${name}@`))).toEqual([])
})

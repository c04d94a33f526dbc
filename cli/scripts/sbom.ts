import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { installed, root, runs } from './lock-file.ts'

// `npm run sbom [-- <file>]`: the packages of production, as CycloneDX. Reads only the lock file: no network.

interface Bom {
  readonly metadata: { readonly component: { name: string } }
  components: readonly { readonly 'bom-ref': string }[]
  dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[]
}

const npm = [
  'sbom',
  '--package-lock-only',
  '--sbom-format=cyclonedx',
  '--sbom-type=application',
  '--no-update-notifier',
]
const bom = JSON.parse(
  execFileSync('npm', npm, { cwd: root, encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 }),
) as Bom
// npm would use the folder's name.
const { name } = JSON.parse(await readFile(new URL('package.json', root), 'utf8')) as { name: string }
bom.metadata.component.name = name

// npm's `--omit=dev` omits every devDependency of any workspace, even if another workspace needs it in
// production.
const refOf = ({ name, entry }: (typeof installed)[number]): string => `${name}@${entry.version ?? ''}`
const external = new Set(installed.map(refOf))
const running = new Set(installed.filter(({ entry }) => runs(entry)).map(refOf))
const stays = (ref: string): boolean => !external.has(ref) || running.has(ref)
bom.components = bom.components.filter((component) => stays(component['bom-ref']))
bom.dependencies = bom.dependencies
  .filter(({ ref }) => stays(ref))
  .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter(stays) }))

const file = process.argv[2] ?? fileURLToPath(new URL('sbom.cdx.json', root))
await writeFile(file, `${JSON.stringify(bom, null, 2)}\n`)
process.stdout.write(`${String(bom.components.length)} components in ${file}\n`)

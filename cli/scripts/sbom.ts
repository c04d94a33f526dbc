import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { installed, root, runs } from './lock-file.ts'

// `npm run sbom [-- <file>]`: what runs in production, as CycloneDX. It reads the lock file only: no network.

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
// npm takes the name of the folder.
const { name } = JSON.parse(await readFile(new URL('package.json', root), 'utf8')) as { name: string }
bom.metadata.component.name = name

// npm's own `--omit=dev` leaves out whatever any workspace has among its devDependencies, also if another needs it.
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

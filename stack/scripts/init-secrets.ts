import { makeSecrets } from '../src/containers/secrets.ts'

// `init-secrets.ts <folder>`: the first container that runs, before there is anything to connect to.
try {
  const [folder] = process.argv.slice(2)
  if (folder === undefined) throw new Error('expected the folder of the secrets')
  await makeSecrets(folder)
  process.stdout.write('init: secrets are in place\n')
} catch (error) {
  process.exitCode = 1
  process.stderr.write(`init: ${error instanceof Error ? error.message : String(error)}\n`)
}

import { changeMasterKey, retireMasterKey, makeSecrets } from '../src/containers/secrets.ts'

// `init-secrets.ts <folder>`: the first container that runs, before there is anything to connect to.
// `init-secrets.ts <folder> new-master-key|retire-old-master-key`: before and after `rotate.ts master-key`.
const steps: Readonly<Record<string, (folder: string) => Promise<string>>> = {
  make: async (folder) => {
    await makeSecrets(folder)
    return 'secrets are in place'
  },
  'new-master-key': changeMasterKey,
  'retire-old-master-key': retireMasterKey,
}

try {
  const [folder, step = 'make'] = process.argv.slice(2)
  const run = steps[step]
  if (folder === undefined || run === undefined)
    throw new Error(
      'expected the folder of the secrets, and new-master-key, retire-old-master-key or nothing',
    )
  process.stdout.write(`init: ${await run(folder)}\n`)
} catch (error) {
  process.exitCode = 1
  process.stderr.write(`init: ${error instanceof Error ? error.message : String(error)}\n`)
}

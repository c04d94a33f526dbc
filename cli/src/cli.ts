import { Command, CommanderError } from 'commander'
import packageJson from '../package.json' with { type: 'json' }
import { commands, groups, type CommandDefinition } from './commands.ts'

const usageFault = 2

/** Parses the command line, runs the command and sets the exit status, see docs/operate.md. */
export async function runCli(process: NodeJS.Process): Promise<void> {
  // The reader of the output may stop reading: user-stats --help | head -1
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  let chosen: CommandDefinition | undefined
  let given: Readonly<Record<string, unknown>> = {}
  const program = createProgram((definition, values) => {
    chosen = definition
    given = values
  })
  try {
    program.parse(process.argv)
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    // Status 0: help or the version was printed.
    process.exitCode = error.exitCode === 0 ? 0 : usageFault
    return
  }
  if (!chosen) return
  const { runCommand } = await import('./run-command.ts')
  await runCommand(chosen, given, process)
}

function createProgram(
  onCommand: (definition: CommandDefinition, values: Readonly<Record<string, unknown>>) => void,
): Command {
  const program = configure(new Command('user-stats'))
    .description('Runs and maintains the user statistics of online stores.')
    .version(packageJson.version)
    .helpCommand(false)
  for (const definition of commands) {
    const command = configure(commandAt(program, definition.name)).description(definition.summary)
    for (const option of definition.options ?? []) command.addOption(option)
    for (const parameter of definition.parameters ?? []) command.addArgument(parameter)
    command.action(() => {
      const options: Readonly<Record<string, unknown>> = command.opts()
      const named = (definition.parameters ?? []).map((parameter, index): [string, unknown] => [
        parameter.name(),
        command.processedArgs[index],
      ])
      onCommand(definition, { ...options, ...Object.fromEntries<unknown>(named) })
    })
  }
  return program
}

/** Adds a command to its group, which is created with its first command. */
function commandAt(program: Command, name: string): Command {
  const [first = '', second] = name.split(' ')
  if (second === undefined) return program.command(first)
  const group =
    program.commands.find((command) => command.name() === first) ??
    configure(program.command(first)).description(groups[first] ?? '')
  return group.command(second)
}

/** Faults are thrown, and reported like those of the commands. */
const configure = (command: Command): Command =>
  command
    .exitOverride()
    .helpCommand(false)
    .addHelpText('after', '\nEnvironment variables and exit statuses: docs/operate.md')
    .showHelpAfterError('(--help shows the usage)')
    .configureOutput({
      outputError: (text, write) => {
        write(text.replace(/^error: /, 'user-stats: '))
      },
    })

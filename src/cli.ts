/** The operator's commands: `node dist/cli.js`, their words and how they end. What each does stands in `commands.ts`. */
import { COMMANDS, say, USAGE, UsageError } from './commands.ts'
import { ConfigError } from './config/config.ts'

const EXIT_USAGE = 64
const EXIT_CONFIGURATION = 78

const asksForHelp = (): boolean => ['--help', '-h', 'help'].includes(process.argv[2] ?? '')

async function main() {
  if (asksForHelp()) return say(USAGE)
  const { command, args, options } = readArguments()
  await command.run(args, options)
}

/** Our own code, because the name of a key may begin with a dash, which a parser would take for an option. */
function readArguments() {
  const given = process.argv.slice(2).filter((argument) => argument !== '--')
  const words = given.filter((argument) => argument !== '--now')
  const name = Object.keys(COMMANDS).find((name) => name.split(' ').every((word, index) => words[index] === word))
  const command = name === undefined ? undefined : COMMANDS[name]
  const args = words.slice(name?.split(' ').length)
  if (command === undefined) throw new UsageError('')
  if (args.length > command.takes) throw new UsageError(`Not understood: ${args[command.takes]}`)
  if (given.includes('--now') && !command.takesNow) throw new UsageError('Not understood: --now')
  return { command, args, options: { now: given.includes('--now') } }
}

function exitCodeFor(error: unknown): number {
  if (error instanceof UsageError) return EXIT_USAGE
  return error instanceof ConfigError ? EXIT_CONFIGURATION : 1
}

await main().catch((error: unknown) => {
  if (error instanceof UsageError) console.error(`${error.message}\n\n${USAGE}`.trim())
  else console.error(error instanceof Error ? error.message : error)
  process.exitCode = exitCodeFor(error)
})

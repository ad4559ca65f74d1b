/** The operator's commands: `node dist/cli.js migrate`, `keys …` and `report`. */
import { createLog } from './base/log.ts'
import { ConfigError, loadConfig } from './config/config.ts'
import { DATA_DIRECTORY } from './config/folders.ts'
import { migrate, NEWEST_SCHEMA } from './database/migrate.ts'
import { createDeps, type Deps } from './deps.ts'
import { countFunnel } from './learning/funnel.ts'
import { PUBLISHED_BEFORE_MS, publishedUntil } from './tokens/signing-keys.ts'

const EXIT_USAGE = 64
const EXIT_CONFIGURATION = 78

const USAGE = `Usage: node dist/cli.js migrate                  bring the database's schema up to date
       node dist/cli.js keys list
       node dist/cli.js keys rotate              publish a new key, which signs ${PUBLISHED_BEFORE_MS / 60_000} minutes later
       node dist/cli.js keys retire <kid>        sign with it no more; its tokens live out their 15 minutes
       node dist/cli.js keys retire <kid> --now  for a stolen key: its tokens end within minutes too
       node dist/cli.js report                   how many learners signed up, began and finished onboarding`

class UsageError extends Error {}

const asksForHelp = (): boolean => ['--help', '-h', 'help'].includes(process.argv[2] ?? '')

const say = (line: string) => console.log(line)

type Command = {
  /** The most arguments that it takes. */
  takes: number
  run: (args: string[], options: { now: boolean }) => Promise<void>
}

const COMMANDS: Record<string, Command> = {
  migrate: {
    takes: 0,
    run: async () => {
      const { migrationUrl } = loadConfig()
      if (migrationUrl === undefined) {
        throw new Error('DATABASE_URL is not set; the embedded database migrates itself.')
      }
      say(`${await migrate(migrationUrl)} applied, the schema is at version ${NEWEST_SCHEMA}`)
    },
  },

  report: {
    takes: 0,
    run: withDeps(async ({ sql }) => {
      const { signedUp, began, finished, skipped, learning } = await countFunnel(sql)
      const share = (count: number) => (signedUp === 0 ? '' : `${((100 * count) / signedUp).toFixed(1).padStart(7)} %`)
      const rows: [string, number][] = [
        ['signed up', signedUp],
        ['began onboarding', began],
        ['finished it', finished],
        ['skipped all of it', skipped],
        ['marked a lesson', learning],
      ]
      for (const [what, count] of rows) say(`${what.padEnd(18)}${String(count).padStart(8)}${share(count)}`)
    }),
  },

  'keys list': {
    takes: 0,
    run: withDeps(async ({ keyRing }) => {
      const list = await keyRing.list()
      if (list.length === 0) say('There is no key yet. A server makes the first one when it starts.')
      for (const { key, keys, state, opened } of list) {
        const until = publishedUntil(key, keys)
        const words = [key.kid, state.padEnd(7), `signs from ${key.signsFrom.toISOString()}`]
        say(
          [
            ...words,
            ...(until === undefined ? [] : [`published until ${new Date(until).toISOString()}`]),
            ...(opened ? [] : ['opened by none of these APP_SECRETS']),
          ].join('  '),
        )
      }
    }),
  },

  'keys rotate': {
    takes: 0,
    run: withDeps(async ({ keyRing }) => {
      const rotated = await keyRing.rotate()
      if (rotated) say(`A new key is published and signs from ${rotated.signsFrom.toISOString()}.`)
      else say('A new key is published already and waits for its time: see keys list.')
    }),
  },

  'keys retire': {
    takes: 1,
    run: withDeps(async ({ keyRing }, [kid], { now: immediately }) => {
      if (kid === undefined) throw new UsageError('Which key? See keys list.')
      const retirement = await keyRing.retire(kid, { immediately })
      if (retirement.ok) return say(OUTCOMES[retirement.outcome])
      throw new Error(REASONS[retirement.reason])
    }),
  },
}

const OUTCOMES = {
  'called-off': 'The key was waiting and is gone. It has signed nothing.',
  stopped: 'The key signs no more. It stays published until its last token has died: see keys list.',
  withdrawn:
    'The key is withdrawn. Verifiers refuse its tokens as soon as they ask for the keys again, within minutes.',
}

const REASONS = {
  unknown: 'There is no key of this name. See keys list.',
  'no-other-key':
    'No other published key could sign in its place. Give keys rotate and wait, or retire it with --now if it was stolen.',
}

async function main() {
  if (asksForHelp()) return say(USAGE)
  const { command, args, options } = readArguments()
  await command.run(args, options)
}

/** Runs a command with what a server has, and closes it afterwards. */
function withDeps(run: (deps: Deps, ...rest: Parameters<Command['run']>) => Promise<void>): Command['run'] {
  return async (args, options) => {
    const config = loadConfig()
    const embedded = config.databaseUrl === undefined ? await startEmbeddedDatabase() : undefined
    const databaseUrl = config.databaseUrl ?? embedded?.url ?? ''
    // The output is for a person, so nothing is logged. Whatever goes wrong ends the command with its message.
    const deps = createDeps({ ...config, databaseUrl }, { log: createLog('silent') })
    try {
      await run(deps, args, options)
    } finally {
      await deps.closeDb()
      await embedded?.stop()
    }
  }
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
  if (given.includes('--now') && command.takes === 0) throw new UsageError('Not understood: --now')
  return { command, args, options: { now: given.includes('--now') } }
}

async function startEmbeddedDatabase() {
  const { startDevDatabase } = await import('./database/embedded/server.ts')
  return startDevDatabase(DATA_DIRECTORY)
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

/** What each of the operator's commands does. */
import { createLog } from './base/log.ts'
import { loadConfig } from './config/config.ts'
import { addressFor } from './config/database-url.ts'
import { DATA_DIRECTORY } from './config/folders.ts'
import { migrate, NEWEST_SCHEMA } from './database/migrate.ts'
import { isRoleName, makeReader, READER } from './database/reader.ts'
import { createDeps, type Deps } from './deps.ts'
import { countFunnel } from './learning/funnel.ts'
import { addServiceKey, isKeyName, isRight, listServiceKeys, RIGHTS, revokeServiceKey } from './tokens/service-keys.ts'
import { PUBLISHED_BEFORE_MS, publishedUntil } from './tokens/signing-keys.ts'

export const USAGE = `Usage: node dist/cli.js migrate                  bring the database's schema up to date
       node dist/cli.js keys list
       node dist/cli.js keys rotate              publish a new key, which signs ${PUBLISHED_BEFORE_MS / 60_000} minutes later
       node dist/cli.js keys retire <kid>        sign with it no more; its tokens live out their 15 minutes
       node dist/cli.js keys retire <kid> --now  for a stolen key: its tokens end within minutes too
       node dist/cli.js service-keys list        the keys of other backends, what each may do, when it was last used
       node dist/cli.js service-keys add <name> <right>...   make one and print it once; rights: ${RIGHTS.join(', ')}
       node dist/cli.js service-keys revoke <name>
       node dist/cli.js db reader [<role>]       make the database role that reads learners, and print its address once
       node dist/cli.js report                   how many learners signed up, began and finished onboarding`

export class UsageError extends Error {}

export const say = (line: string) => console.log(line)

export type Command = {
  /** The most arguments that it takes. */
  takes: number
  /** Whether `--now` says something. */
  takesNow?: true
  run: (args: string[], options: { now: boolean }) => Promise<void>
}

export const COMMANDS: Record<string, Command> = {
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
    takesNow: true,
    run: withDeps(async ({ keyRing }, [kid], { now: immediately }) => {
      if (kid === undefined) throw new UsageError('Which key? See keys list.')
      const retirement = await keyRing.retire(kid, { immediately })
      if (retirement.ok) return say(OUTCOMES[retirement.outcome])
      throw new Error(REASONS[retirement.reason])
    }),
  },

  'service-keys list': {
    takes: 0,
    run: withDeps(async ({ sql }) => {
      const keys = await listServiceKeys(sql)
      if (keys.length === 0) say('There is no key yet. See service-keys add.')
      for (const { name, rights, createdAt, usedAt } of keys) {
        const used = usedAt === null ? 'never used' : `last used about ${usedAt.toISOString()}`
        say([name, rights.join(','), `made ${createdAt.toISOString()}`, used].join('  '))
      }
    }),
  },

  'service-keys add': {
    takes: 1 + RIGHTS.length,
    run: withDeps(async ({ sql, now }, [name = '', ...rights]) => {
      if (!isKeyName(name)) throw new UsageError('A name has small letters, digits and dashes, 40 at most.')
      const unknown = rights.find((right) => !isRight(right))
      if (unknown !== undefined) throw new UsageError(`There is no right ${unknown}.`)
      if (rights.length === 0) throw new UsageError('What may it do?')
      const key = await addServiceKey(sql, {
        name,
        rights: RIGHTS.filter((right) => rights.includes(right)),
        now: now(),
      })
      if (key === undefined)
        throw new Error('There is a key of this name. To replace it, add one of another name first.')
      // Alone on its line, for scripts.
      say(key)
    }),
  },

  'service-keys revoke': {
    takes: 1,
    run: withDeps(async ({ sql }, [name]) => {
      if (name === undefined) throw new UsageError('Which key? See service-keys list.')
      if (!(await revokeServiceKey(sql, name))) throw new Error('There is no key of this name. See service-keys list.')
      say('The key is revoked and counts no more.')
    }),
  },

  'db reader': {
    takes: 1,
    run: withDatabase(async ({ url, migrationUrl }, [role = READER]) => {
      if (!isRoleName(role)) throw new UsageError('A role has small letters, digits and underscores, 63 at most.')
      const password = await makeReader(migrationUrl, role)
      if (password === undefined)
        return say(`The role ${role} is there and reads what it should. Its password is as it was.`)
      say(addressFor(url, { user: role, password }))
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

/** Runs a command with what a server has, and closes it afterwards. */
function withDeps(run: (deps: Deps, ...rest: Parameters<Command['run']>) => Promise<void>): Command['run'] {
  return withDatabase(async ({ config, url }, args, options) => {
    // The output is for a person, so nothing is logged. Whatever goes wrong ends the command with its message.
    const deps = createDeps({ ...config, databaseUrl: url }, { log: createLog('silent') })
    try {
      await run(deps, args, options)
    } finally {
      await deps.closeDb()
    }
  })
}

type Database = { config: ReturnType<typeof loadConfig>; url: string; migrationUrl: string }

/** Runs a command with the database of the settings, or the embedded one. */
function withDatabase(run: (database: Database, ...rest: Parameters<Command['run']>) => Promise<void>): Command['run'] {
  return async (args, options) => {
    const config = loadConfig()
    const embedded = config.databaseUrl === undefined ? await startEmbeddedDatabase() : undefined
    const url = config.databaseUrl ?? embedded?.url ?? ''
    try {
      await run({ config, url, migrationUrl: config.migrationUrl ?? url }, args, options)
    } finally {
      await embedded?.stop()
    }
  }
}

async function startEmbeddedDatabase() {
  const { startDevDatabase } = await import('./database/embedded/server.ts')
  return startDevDatabase(DATA_DIRECTORY)
}

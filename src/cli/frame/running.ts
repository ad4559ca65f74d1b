/** Runs a command with what it asks for, and closes that afterwards. */
import { userInfo } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLog } from '../../base/log.ts'
import { loadConfig } from '../../config/config.ts'
import { DATA_DIRECTORY } from '../../config/folders.ts'
import { beginAudit, endAudit } from '../../database/audit.ts'
import { createDeps } from '../../deps.ts'
import { closeAll, closeInTheEnd, wasCutOff } from './closing.ts'
import type { Command, Database, Running } from './command.ts'
import { createOutput } from './output.ts'
import { type Given, WrongUse } from './parsing.ts'

const CUT_OFF_MS = 500
const NAME = /^[^\p{C}]{1,80}$/u

/** Resolves to the exit code. @throws whatever the command throws, when everything it has opened is closed. */
export async function runCommand(command: Command, { args, options }: Given): Promise<number> {
  const osUser = systemUser()
  const by = typeof options.as === 'string' ? options.as.trim() : osUser
  if (!NAME.test(by)) throw new WrongUse('A name for --as has 1 to 80 characters, all on one line.', command)

  let closeDb = async (): Promise<unknown> => undefined
  const config = once(loadConfig)
  const database = once(async (): Promise<Database> => {
    const { databaseUrl, migrationUrl } = config()
    if (databaseUrl !== undefined)
      return { url: databaseUrl, migrationUrl: migrationUrl ?? databaseUrl, embedded: false }
    // Loaded only here: production has no such package.
    const { startDevDatabase } = await import('../../database/embedded/server.ts')
    const { url, stop } = await startDevDatabase(DATA_DIRECTORY)
    closeInTheEnd(async () => {
      // It is not stopped while others use it. A query of ours may still be ending, and the audit hears that all has failed.
      if (wasCutOff()) await sleep(CUT_OFF_MS)
      await closeDb()
      await stop()
    })
    return { url, migrationUrl: migrationUrl ?? url, embedded: true }
  })
  const deps = once(async () => {
    const { url } = await database()
    // The output is for a person, so nothing is logged. Whatever goes wrong ends the command with its message.
    const made = createDeps({ ...config(), databaseUrl: url }, { log: createLog('silent') })
    closeDb = made.closeDb
    closeInTheEnd(closeDb)
    return made
  })
  const audited: Running['audited'] = async (entry, change) => {
    const { sql, now } = await deps()
    const id = await beginAudit(sql, { who: by, osUser, what: command.name, at: now(), ...entry })
    const noted = {}
    const end = (outcome: 'done' | 'failed') => endAudit(sql, id, outcome, noted)
    try {
      const result = await change((more) => Object.assign(noted, more))
      await end('done')
      return result
    } catch (error) {
      await end('failed').catch(() => {})
      throw error
    }
  }

  try {
    const out = createOutput({ json: options.json === true })
    const ended = await command.run({ out, config, database, deps, audited, by, args, options })
    return typeof ended === 'number' ? ended : 0
  } finally {
    await closeAll()
  }
}

function once<Made>(make: () => Made): () => Made {
  let made: { value: Made } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

/** A container may run as a user id that has no name. */
function systemUser(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}

/** Looks at everything that a server needs, and says of each part that it is fine, or what to do. */
import { z } from 'zod'
import type { Config } from '../config/config.ts'
import { ConfigError } from '../config/problems.ts'
import { examineDatabase } from './doctor/database.ts'
import { type Finding, linesOf, look, ok, wrong } from './doctor/findings.ts'
import { examineKeys } from './doctor/keys.ts'
import { examineMail } from './doctor/mail.ts'
import { examineProxy } from './doctor/proxy.ts'
import { command, type Running } from './frame/command.ts'
import { EXITS, endingOf, UsageError } from './frame/exits.ts'

const EXIT_WRONG = 1

export const DOCTOR = command({
  name: 'doctor',
  summary: 'look at settings, database, proxy, mail and keys, and say what to do',
  details: [
    'ok: fine. look: it works, and you should know. wrong: it does not work. off: it is not used here, or could not be asked.',
    'Ends with 0 if nothing is wrong, with 1 if something is, with 78 if settings are. It changes nothing.',
  ].join('\n'),
  options: { 'mail-to': { type: 'string', value: 'ADDRESS', what: 'send a real mail to this address' } },
  json: true,
  run: async (running) => {
    const to = running.options['mail-to']
    if (to !== undefined && !z.email().safeParse(to).success) throw new UsageError('--mail-to is not an address.')
    const { out } = running
    const findings: Finding[] = []
    const tell = (found: Finding[]) => {
      findings.push(...found)
      for (const line of found.flatMap((finding) => linesOf(finding, out))) out.say(line)
    }
    const config = settingsIn(running, tell)
    if (config !== undefined) {
      tell(await databaseFindings(running))
      tell([await examineProxy(config)])
      tell([await examineMail(config, to)])
    }
    out.tell({ findings }, () => [])
    if (config === undefined) return EXITS.configuration
    return findings.some(({ state }) => state === 'wrong') ? EXIT_WRONG : 0
  },
})

/** The settings, or undefined if they are wrong. All that is wrong is said. */
function settingsIn({ config }: Running, tell: (found: Finding[]) => void): Config | undefined {
  try {
    const loaded = config()
    const { production, publicOrigin } = loaded
    const isPublic = publicOrigin !== undefined && loaded.secureCookies
    tell([
      isPublic && !production
        ? look('settings', `complete, for development, at ${publicOrigin}`, 'NODE_ENV=production')
        : ok('settings', `complete, for ${production ? 'production' : 'development'}`),
    ])
    return loaded
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    tell(
      error.problems.map(({ variable, expected, found, example }) =>
        wrong('settings', `${variable} ${expected}. Found: ${found}`, example),
      ),
    )
    return undefined
  }
}

async function databaseFindings({ database, deps }: Running): Promise<Finding[]> {
  try {
    const found = await examineDatabase(await database())
    return [...found, ...(await examineKeys(await deps()))]
  } catch (error) {
    // The embedded database did not start.
    return [wrong('database', endingOf(error).message, 'Set DATABASE_URL, or mend this.')]
  }
}

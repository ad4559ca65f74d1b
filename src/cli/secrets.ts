/** Changing APP_SECRETS: what still needs the old ones, and sealing anew what can be. */
import { countPepperUse, sealForeignAnew } from '../accounts/passwords/pepper-use.ts'
import { sealSecondStepsAnew } from '../accounts/second-step/sealed-secrets.ts'
import type { SealedAnew as Sealed } from '../base/sealing.ts'
import type { Deps } from '../deps.ts'
import { sealMailsAnew } from '../mail/waiting-mails.ts'
import { absoluteEndOf } from '../sessions/lifetimes.ts'
import { countOpenSessions } from '../sessions/open-sessions.ts'
import { sealKeysAnew } from '../tokens/sealed-keys.ts'
import { command } from './frame/command.ts'
import { tableOf } from './frame/output.ts'

type Needs = {
  secrets: number
  /** For each of the secrets, the newest first, how many passwords need it. */
  passwords: number[]
  passwordsOfNone: number
  /** Among the passwords: those of other programs, which can be sealed anew. */
  foreign: Omit<Sealed, 'unknown'>
  keys: Sealed
  mails: Sealed
  secondSteps: Sealed
  sessions: { open: number; lastEnds: Date | null }
}

const rotate = command({
  name: 'secrets rotate',
  summary: 'what still needs an old secret; seals anew what can be, and says when the old one may go',
  details: [
    'First put the new secret in front, APP_SECRETS=new,old, and start all servers anew. Then give this, as often as you',
    'like. Signing keys, waiting mails, second steps and password hashes of other programs are sealed anew. Passwords',
    'that were hashed here can only be hashed anew when their owners log in.',
  ].join('\n'),
  options: { 'dry-run': { type: 'boolean', what: 'only count' } },
  json: true,
  changes: true,
  run: async ({ deps, audited, options, out }) => {
    const parts = await deps()
    const dryRun = options['dry-run'] ?? false
    const needs = dryRun
      ? await look(parts, { dryRun })
      : await audited({}, async (note) => {
          const found = await look(parts, { dryRun })
          note({
            keys: found.keys.sealed,
            mails: found.mails.sealed,
            secondSteps: found.secondSteps.sealed,
            passwords: found.foreign.sealed,
          })
          return found
        })
    const verdict = verdictOf(needs)
    out.tell({ ...needs, mayGo: verdict.mayGo, notBefore: verdict.notBefore }, () => [
      ...linesOf(needs),
      '',
      verdict.says,
    ])
  },
})

async function look({ sql, config, now, passwords }: Deps, how: { dryRun: boolean }): Promise<Needs> {
  const peppers = config.keys('pepper')
  const foreign = await sealForeignAnew(sql, passwords, how)
  const { counts, unknown } = await countPepperUse(sql, peppers)
  const { open, last } = await countOpenSessions(sql, now())
  return {
    secrets: peppers.length,
    passwords: counts,
    passwordsOfNone: unknown,
    foreign,
    keys: await sealKeysAnew(sql, config.keys('signing-keys'), { now: now(), ...how }),
    mails: await sealMailsAnew(sql, config.keys('outbox'), how),
    secondSteps: await sealSecondStepsAnew(sql, config.keys('second-step'), how),
    // The idle limit moves with each visit, the absolute one does not.
    sessions: {
      open,
      lastEnds: last === null ? null : new Date(absoluteEndOf({ remembered: true, loggedInAt: now() })),
    },
  }
}

const remaining = ({ outdated, sealed }: Sealed): number => outdated - sealed

function linesOf({
  secrets,
  passwords,
  passwordsOfNone,
  foreign,
  keys,
  mails,
  secondSteps,
  sessions,
}: Needs): string[] {
  const [newest = 0, ...older] = passwords
  const sealedWords = ({ sealed, unknown }: Sealed) =>
    [`${sealed} sealed anew`, ...(unknown > 0 ? [`${unknown} opened by none of these secrets`] : [])].join(', ')
  return tableOf([
    ['secrets in APP_SECRETS', String(secrets), ''],
    ['passwords under the newest', String(newest), ''],
    ...older.map((count, index) => [
      `passwords under secret ${index + 2}`,
      String(count),
      count > 0 ? 'each until its owner logs in or resets it' : '',
    ]),
    ...(foreign.outdated > 0 ? [['passwords of other programs', '-', `${foreign.sealed} sealed anew`]] : []),
    ...(passwordsOfNone > 0
      ? [['passwords under none of these', String(passwordsOfNone), 'only a reset lets their owners in']]
      : []),
    ['signing keys under an old one', String(remaining(keys)), sealedWords(keys)],
    ['waiting mails under an old one', String(remaining(mails)), sealedWords(mails)],
    ['second steps under an old one', String(remaining(secondSteps)), sealedWords(secondSteps)],
    [
      'open sessions',
      String(sessions.open),
      'which of them have a cookie under an old one cannot be counted; none is older than 30 days',
    ],
    ['known devices', '-', 'cannot be counted; one that was not used since is a stranger once more'],
    ['forms kept during a login', '-', 'for 15 minutes'],
  ])
}

function verdictOf({ secrets, passwords, keys, mails, secondSteps, sessions }: Needs) {
  const notBefore = sessions.lastEnds
  if (secrets < 2) {
    return {
      mayGo: false,
      notBefore: null,
      says: 'There is one secret. To change it: APP_SECRETS=new,old, with a new one of: openssl rand -base64 32',
    }
  }
  const waiting = passwords.slice(1).reduce((sum, count) => sum + count, 0)
  const mayGo = waiting + remaining(keys) + remaining(mails) + remaining(secondSteps) === 0
  if (!mayGo) {
    const what = [
      ...(waiting > 0 ? [`${waiting} passwords, whose owners would need a reset`] : []),
      ...(remaining(keys) > 0 ? [`${remaining(keys)} signing keys`] : []),
      ...(remaining(mails) > 0 ? [`${remaining(mails)} mails`] : []),
      ...(remaining(secondSteps) > 0 ? [`${remaining(secondSteps)} second steps`] : []),
    ]
    return { mayGo, notBefore, says: `The old secret is still needed by ${what.join(', ')}.` }
  }
  const says = [
    'Nothing that is stored needs the old secret.',
    notBefore === null
      ? 'It may go.'
      : `It may go: whoever logged in before the new one was in front is then logged out. By ${notBefore.toISOString().slice(0, 10)} that is nobody.`,
  ]
  return { mayGo, notBefore, says: says.join(' ') }
}

export const SECRETS = [rotate]

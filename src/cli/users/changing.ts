/** What an operator does for a learner, or about one. Each is noted in the table `audit`, under the id of the account. */

import { deleteAccount, deleteWithoutGrace } from '../../accounts/account-deletion.ts'
import { signOutByOperator } from '../../accounts/account-sessions.ts'
import { OPERATOR } from '../../accounts/activity.ts'
import { copyOfAccount } from '../../accounts/data-export.ts'
import { confirmByOperator } from '../../accounts/links/email-verification.ts'
import { unlock as forgetTries } from '../../accounts/support/account-limits.ts'
import { findSupportAccount } from '../../accounts/support/support-accounts.ts'
import { resumeAccount, suspendAccount } from '../../accounts/suspension.ts'
import { LearnerGone } from '../../base/failures.ts'
import { pseudonym } from '../../base/log.ts'
import { command } from '../frame/command.ts'
import { Failure, UsageError } from '../frame/exits.ts'
import { accountOf, gone, namedBy, WHOM } from './whom.ts'

const REASON = /^[^\p{C}]{1,500}$/u
export const QUIET = { type: 'boolean', what: 'mail them nothing about it' } as const
export const MAILED = 'They are told by email.'

export const unlock = command({
  name: 'users unlock',
  summary: 'forget all wrong passwords and other tries that are counted for an address',
  details: 'Also for an address without an account. Limits of networks and of known devices stay.',
  arguments: { whom: WHOM },
  changes: true,
  run: async ({ deps, audited, args, out }) => {
    const parts = await deps()
    const named = namedBy(args.whom)
    const account = await findSupportAccount(parts, named)
    if (account === undefined && !named.includes('@')) await accountOf(parts, named)
    const email = account?.email ?? named
    const used = await audited({ whom: account?.id ?? pseudonym(email) }, () => forgetTries(parts, { email, account }))
    const stopped = [...new Set(used.map(({ stops }) => stops))].join(', ')
    out.say(
      used.length === 0
        ? 'Nothing was used up. All tries are forgotten.'
        : `All tries are forgotten. Free again: ${stopped}.`,
    )
  },
})

export const suspend = command({
  name: 'users suspend',
  summary: 'let nobody use an account, and end its sessions at once; what is in it stays',
  details: 'Whoever logs in with the right password is told, and where to write. The reason is for operators only.',
  arguments: { whom: WHOM },
  options: {
    reason: { type: 'string', value: 'TEXT', what: 'why, on one line; needed' },
    quiet: QUIET,
  },
  changes: true,
  run: async ({ deps, audited, args: { whom }, options, out }) => {
    const reason = options.reason?.trim() ?? ''
    if (!REASON.test(reason)) throw new UsageError('Why? Give --reason "…", on one line of 500 characters at most.')
    const parts = await deps()
    const account = await accountOf(parts, whom)
    const notify = !options.quiet && parts.mail.enabled
    await audited({ whom: account.id, details: { mailed: notify } }, async () => {
      if (!(await suspendAccount(parts, account, { reason, notify })))
        throw new Failure('data', 'The account is suspended already. See users show.')
    })
    out.say(`The account is suspended and its sessions have ended. ${notify ? MAILED : 'They are not told.'}`)
  },
})

export const resume = command({
  name: 'users resume',
  summary: 'open a suspended account again',
  arguments: { whom: WHOM },
  options: { quiet: QUIET },
  changes: true,
  run: async ({ deps, audited, args: { whom }, options, out }) => {
    const parts = await deps()
    const account = await accountOf(parts, whom)
    const notify = !options.quiet && parts.mail.enabled
    await audited({ whom: account.id, details: { mailed: notify } }, async () => {
      if (!(await resumeAccount(parts, account, { notify }))) throw new Failure('data', 'The account is not suspended.')
    })
    out.say(`The account is open again. ${notify ? MAILED : 'They are not told.'}`)
  },
})

export const signOut = command({
  name: 'users sign-out',
  summary: 'end all sessions and refresh tokens of an account; its devices count as new',
  arguments: { whom: WHOM },
  changes: true,
  run: async ({ deps, audited, args: { whom }, out }) => {
    const parts = await deps()
    const { id } = await accountOf(parts, whom)
    const ended = await audited({ whom: id }, async () => {
      const sessions = await signOutByOperator(parts.sql, id, parts.now())
      if (sessions !== undefined) return sessions
      throw new Failure('data', 'The account is deleted, and has no sessions.')
    })
    out.say(`${ended} ${ended === 1 ? 'session has' : 'sessions have'} ended.`)
  },
})

export const verify = command({
  name: 'users verify',
  summary: 'count the address of an account as confirmed',
  details: 'Only when you have seen in another way that the address is theirs.',
  arguments: { whom: WHOM },
  changes: true,
  run: async ({ deps, audited, args: { whom }, out }) => {
    const parts = await deps()
    const { id, deleteAt, emailVerified } = await accountOf(parts, whom)
    if (deleteAt !== null) throw new Failure('data', 'The account is deleted. See users why.')
    if (emailVerified) return out.say('The address was confirmed already.')
    await audited({ whom: id }, () => confirmByOperator(parts, id))
    out.say('The address counts as confirmed.')
  },
})

export const remove = command({
  name: 'users delete',
  summary: 'delete an account, as its owner does on their page; with --now for good at once',
  details:
    'Without --now it can be taken back for DELETION_GRACE_DAYS by the link of its last email, where there is email.\nThat email says that they asked for it. If they did not, see users suspend.',
  arguments: { whom: WHOM },
  options: {
    now: { type: 'boolean', what: 'for good at once, also where it is deleted already: nobody can take it back' },
  },
  changes: true,
  run: async ({ deps, audited, args: { whom }, options, out }) => {
    const parts = await deps()
    const account = await accountOf(parts, whom)
    const forGood = options.now ?? false
    if (account.deleteAt !== null && !forGood)
      throw new Failure(
        'data',
        `The account is deleted already, for good at ${account.deleteAt.toISOString()}. See --now.`,
      )
    await audited({ whom: account.id, details: { now: forGood } }, () =>
      forGood ? deleteWithoutGrace(parts, account) : deleteAccount(parts, account, OPERATOR),
    )
    const left = await findSupportAccount(parts, account.id)
    out.say(
      left?.deleteAt
        ? `The account is deleted. It can be taken back until ${left.deleteAt.toISOString()}.`
        : 'The account is deleted for good.',
    )
  },
})

export const exportCopy = command({
  name: 'users export',
  summary: 'the copy of everything stored about a learner, as JSON, for themselves',
  details: 'As they get it on their page. Their list of what happened says that an operator made it.',
  arguments: { whom: WHOM },
  changes: true,
  run: async ({ deps, audited, args: { whom }, out }) => {
    const parts = await deps()
    const account = await accountOf(parts, whom)
    if (account.deleteAt !== null)
      throw new Failure('data', 'The account is deleted: there is no copy unless it is taken back.')
    const copy = await audited({ whom: account.id }, () => copyOfAccount(parts, account, OPERATOR)).catch(
      (error: unknown) => {
        throw error instanceof LearnerGone ? gone() : error
      },
    )
    out.print(JSON.stringify(copy, null, 2))
  },
})

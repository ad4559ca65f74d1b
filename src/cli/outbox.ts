/** The mails that wait. */
import { forgetMail } from '../mail/outbox.ts'
import { countWaitingMails, isWaiting, listWaitingMails, retryMails } from '../mail/waiting-mails.ts'
import { command } from './frame/command.ts'
import { Failure, UsageError } from './frame/exits.ts'
import { countOf, tableOf } from './frame/output.ts'

const LISTED = 50
const NONE = 'No mail with this id waits. See outbox list.'

const list = command({
  name: 'outbox list',
  summary: 'the mails that wait to be sent, the next due first',
  details: 'To whom they are and what they say is encrypted, and not shown.',
  options: { limit: { type: 'string', value: 'NUMBER', what: `this many at most; without it, ${LISTED}` } },
  json: true,
  run: async ({ deps, config, options, out }) => {
    const { sql } = await deps()
    const limit = countOf(options.limit, LISTED)
    const [mails, waiting] = [
      await listWaitingMails(sql, config().keys('outbox'), { limit }),
      await countWaitingMails(sql),
    ]
    const cells = mails.map(({ id, kind, attempts, dueAt, expiresAt, opened }) => [
      id,
      kind,
      `tried ${attempts} times`,
      `due ${dueAt.toISOString()}`,
      `of no use after ${expiresAt.toISOString()}`,
      opened ? '' : 'opened by none of these APP_SECRETS',
    ])
    const more = waiting > mails.length ? [`and ${waiting - mails.length} more`] : []
    out.tell({ waiting, mails }, () => (waiting === 0 ? ['No mail waits.'] : [...tableOf(cells), ...more]))
  },
})

const retry = command({
  name: 'outbox retry',
  summary: 'send a mail that was put off, or all of them, as soon as a server looks',
  details: 'A server looks within 5 minutes. Mails that are due within a minute are left as they are.',
  arguments: { mail: { what: 'its id, as outbox list shows it', optional: true } },
  options: { all: { type: 'boolean', what: 'all mails that were put off' } },
  changes: true,
  run: async ({ deps, audited, args: { mail }, options: { all }, out }) => {
    if ((mail === undefined) === (all === undefined)) throw new UsageError('Which? Give the id of a mail, or --all.')
    const { sql, now } = await deps()
    if (mail !== undefined && !(await isWaiting(sql, mail))) throw new Failure('noInput', NONE)
    const count = await audited({ ...(mail === undefined ? {} : { whom: mail }) }, async (note) => {
      const made = await retryMails(sql, { id: mail, now: now() })
      note({ due: made })
      return made
    })
    out.say(count === 0 ? 'Nothing to do: what waits is due already.' : `Due now: ${count}.`)
  },
})

const drop = command({
  name: 'outbox drop',
  summary: 'delete a mail that waits, unsent',
  details: 'Whoever waits for it is told on “Where is my email?” that it could not be sent.',
  arguments: { mail: { what: 'its id, as outbox list shows it', missing: 'Which mail? See outbox list.' } },
  changes: true,
  run: async ({ deps, audited, args: { mail }, out }) => {
    const { sql, now } = await deps()
    if (!(await isWaiting(sql, mail))) throw new Failure('noInput', NONE)
    await audited({ whom: mail }, () => forgetMail(sql, mail, { outcome: 'dropped', now: now() }))
    out.say('The mail is deleted and will not be sent.')
  },
})

export const OUTBOX = [list, retry, drop]

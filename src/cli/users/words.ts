/** What an operator is told about each obstacle: what it means for the learner, and what helps. */
import type { UsedUpLimit } from '../../accounts/support/account-limits.ts'
import type { Obstacle, Obstacles } from '../../accounts/support/obstacles.ts'
import { POLICIES } from '../../limits/policies.ts'

/** `stops`: this alone keeps them out. `help` is a command, or what the learner or the operator can do. */
export type Said = { stops: boolean; says: string; help?: string }
type About = { account: Obstacles['account']; whom: string; origin: string; mailEnabled: boolean }

const at = (time: Date): string => time.toISOString()
const stop = (says: string, help?: string): Said => ({ stops: true, says, ...(help ? { help } : {}) })
const also = (says: string, help?: string): Said => ({ ...stop(says, help), stops: false })

export function said(obstacle: Obstacle, about: About): Said {
  const { whom, origin } = about
  switch (obstacle.what) {
    case 'no-account':
      return stop('Nobody has this address or id.', `Similar addresses follow, if there are any. See also: users find`)
    case 'deleted-for-good':
      return stop(`The account was deleted for good at ${at(obstacle.at)}.`, 'They can sign up again.')
    case 'deleted':
      return stop(
        `The account is deleted. It can be taken back until ${at(obstacle.until)}, by the link of its last email.`,
        `That link is mailed again to whoever asks for a new password: ${origin}/password-reset`,
      )
    case 'suspended':
      return stop(
        `Suspended since ${at(obstacle.since)}: ${obstacle.reason ?? 'no reason was noted'}`,
        `users resume ${whom}`,
      )
    case 'no-password':
      return stop(
        'The account has no password: somebody said “It was not me”, or nobody has set one.',
        `They can log in by a code: ${origin}/login/code. A new password is set by email: ${origin}/password-reset`,
      )
    case 'unusable-password':
      return stop(
        'No password can match the stored hash: it is damaged, or was made under a secret that is not in APP_SECRETS.',
        `Put that secret behind the others, or let them set a new password: ${origin}/password-reset`,
      )
    case 'second-step':
      return also(
        `A login takes a code of their authenticator app, or one of ${obstacle.codesLeft} recovery codes that are left.`,
        `If they have lost both, and you have seen in another way than by email that it is them: users second-step off ${whom}`,
      )
    case 'not-confirmed':
      return also('The address is not confirmed. That keeps nobody out.', `users verify ${whom}`)
    case 'no-mail':
      return also(
        'This server sends no email, so nobody gets a link for a new password.',
        'Set SMTP_URL and MAIL_FROM.',
      )
    case 'limit':
      return ofLimit(obstacle.limit, about)
    case 'mail':
      return ofMail(obstacle)
    case 'similar-address':
      return also(`Somebody else has nearly this address: ${obstacle.email}`, `users why ${obstacle.id}`)
  }
}

const PURPOSES: Record<string, string> = {
  'reset-password': 'for a new password',
  'verify-email': 'that confirms the address',
  'new-device': 'that lets a new device in',
  'change-email': 'that confirms another address',
}
const purposeOf = (purpose: string): string => PURPOSES[purpose] ?? purpose

const CODES = {
  'sign-in-code': 'to log in',
  'email-verification-code': 'that confirm the address',
  'forget-password-code': 'for a new password',
} as const

function ofLimit({ stops, until, tries }: UsedUpLimit, { account, whom, origin, mailEnabled }: About): Said {
  const help = `users unlock ${whom}`
  switch (stops) {
    case 'login':
      return stop(
        `Too many wrong passwords: until ${at(until)} none is taken from devices that the account does not know.`,
        help,
      )
    case 'login-on-new-devices':
      return mailEnabled
        ? stop(
            `${POLICIES.failuresByAddress.points} wrong passwords in a row: until ${at(until)} only devices that have logged in before get in. Others need a link: ${origin}/new-device`,
            help,
          )
        : also(`${tries} wrong passwords in a row: pauses between tries grow, to four hours.`, help)
    case 'sign-up':
      return account
        ? also(`Nobody can sign up with this address until ${at(until)}; it has an account.`, help)
        : stop(`Too many sign-ups with this address: until ${at(until)} there are no more.`, help)
    case 'reset-password':
    case 'new-device':
      return stop(
        `Asked for too often: until ${at(until)} no further email with the link ${purposeOf(stops)} is sent, and pages do not say so.`,
        help,
      )
    case 'verify-email':
    case 'change-email':
      return also(
        `Asked for too often: until ${at(until)} no further email with the link ${purposeOf(stops)} is sent.`,
        help,
      )
    case 'sign-in-code':
    case 'email-verification-code':
    case 'forget-password-code':
      return also(
        `Codes ${CODES[stops]} were asked for too often, and not used: until ${at(until)} none is sent by email, and pages do not say so.`,
        help,
      )
    case 'notices':
      return also(`Many notices were sent: until ${at(until)} there are no more.`, help)
    case 'password-confirmation':
      return also(
        `The password was typed wrong too often on pages that ask for it again: until ${at(until)} they take none.`,
        help,
      )
    case 'second-step':
      return stop(
        `Too many wrong codes after the right password: until ${at(until)} none is taken at a login. If it was somebody else, they know the password: a new one also ends this.`,
        help,
      )
    case 'code-confirmation':
      return also(
        `Codes were typed wrong too often on pages that ask for one again: until ${at(until)} they take none.`,
        help,
      )
    case 'email-change':
      return also(`The address was changed too often: not again until ${at(until)}.`, help)
    case 'export':
      return also(`The copy of the data was made too often: not again until ${at(until)}.`, help)
  }
}

const REFUSED: Record<string, string> = {
  'no-mailbox': 'there is no such mailbox',
  'mailbox-full': 'the mailbox is full',
  unwanted: 'it refuses our email as unwanted',
  refused: 'it gives no reason that we know',
}

function ofMail({ purpose, mail }: Extract<Obstacle, { what: 'mail' }>): Said {
  const which = `The email with the link ${purposeOf(purpose)}, asked for at ${at(mail.askedAt)},`
  if (mail.state === 'waiting') {
    return also(
      `${which} waits: ${mail.attempts} tries so far, the next at ${at(mail.dueAt)}.`,
      mail.attempts === 0 ? 'A running server sends it within minutes.' : 'See the log for what the mail server says.',
    )
  }
  if (mail.state === 'lost') return also(`${which} was not sent in time.`, 'They can ask for another one.')
  if (mail.outcome === 'dropped') {
    return also(`${which} was dropped: no secret of APP_SECRETS opened it.`, 'They can ask for another one.')
  }
  return also(
    `${which} was refused by their mail server at ${at(mail.at)}: ${REFUSED[mail.outcome] ?? mail.outcome}.`,
    'Look at the address for a mistake; ask them about their mailbox.',
  )
}

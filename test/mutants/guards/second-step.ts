/** The second step of a login. */
import { inFile, type Mutant } from '../mutant.ts'

const CODES = 'src/accounts/second-step/codes.ts'
const codes = inFile(CODES)
const tickets = inFile('src/accounts/second-step/login-tickets.ts')
const steps = inFile('src/accounts/second-step/second-steps.ts')
const identity = inFile('src/web/session/identity.ts')
const remembered = inFile('src/accounts/second-step/remembered-devices.ts')
const PAGES = 'web/pages/second-step'
const ATTACKS = 'web/pages/second-step-attacks'

export const SECOND_STEP: Mutant[] = [
  identity(
    'a login asks for the second step',
    'if (user.secondStep && !isBoth && !(await',
    'if (user.secondStep && isBoth && !(await',
    PAGES,
    'begins no session before the code, and then goes where it was to go and for as long as was asked',
  ),
  {
    guard: 'a code is good once (looking at it, and taking it)',
    breaks: [
      { file: CODES, from: "if (taken <= step.lastStep) return { ok: false, reason: 'used' }", to: '' },
      {
        file: CODES,
        from: 'and confirmed_at is not null and last_step < ${taken}',
        to: 'and confirmed_at is not null',
      },
    ],
    test: ATTACKS,
    title: 'that was seen over a shoulder is worthless once it was used, in another login and on the account',
  },
  {
    guard: 'a recovery code is good once (looking at it, and taking it)',
    breaks: [
      {
        file: CODES,
        from: 'select 1 as known from recovery_codes where user_id = ${user.id} and code_hash = ${hash} and used_at is null`',
        to: 'select 1 as known from recovery_codes where user_id = ${user.id} and code_hash = ${hash}`',
      },
      {
        file: CODES,
        from: 'and code_hash = ${hash} and used_at is null and ${whileGood',
        to: 'and code_hash = ${hash} and ${whileGood',
      },
    ],
    test: PAGES,
    title: 'takes the place of the app, once, however it is typed',
  },
  codes(
    'tries are counted across tickets',
    'const subject = loginCodesOf({ id: ticket.user.id, passwordVersion: ticket.passwordVersion })',
    'const subject = ticket.id',
    ATTACKS,
    'ends after five tries over all logins, the owner hears of it, and a new password begins anew',
  ),
  codes(
    'a new password begins the tries anew',
    'const subject = loginCodesOf({ id: ticket.user.id, passwordVersion: ticket.passwordVersion })',
    'const subject = ticket.user.id',
    ATTACKS,
    'ends after five tries over all logins, the owner hears of it, and a new password begins anew',
  ),
  inFile('src/limits/policies.ts')(
    'five wrong codes pause',
    'secondStepByUser: { points: 5,',
    'secondStepByUser: { points: 50,',
    ATTACKS,
    'ends after five tries over all logins, the owner hears of it, and a new password begins anew',
  ),
  {
    guard: 'a ticket is good once (finding it, and taking a code with it)',
    breaks: [
      {
        file: 'src/accounts/second-step/login-tickets.ts',
        from: 'where t.ticket_hash = ${sha256(id)} and t.used_at is null and',
        to: 'where t.ticket_hash = ${sha256(id)} and',
      },
      {
        file: 'src/accounts/second-step/login-tickets.ts',
        from: 'where ticket_hash = ${sha256(id)} and used_at is null and expires_at',
        to: 'where ticket_hash = ${sha256(id)} and expires_at',
      },
      {
        file: 'src/accounts/second-step/login-tickets.ts',
        from: 'where ticket_hash = ${sha256(id)} and used_at is null and user_id',
        to: 'where ticket_hash = ${sha256(id)} and user_id',
      },
    ],
    test: ATTACKS,
    title: 'begins one session with one ticket, even when two good ones are sent at the same moment',
  },
  tickets(
    'a ticket is over after ten minutes',
    ' and t.expires_at > ${new Date(now)}',
    ' and t.expires_at > ${new Date(0 * now)}',
    PAGES,
    'is over after ten minutes, and the login page says so',
  ),
  tickets(
    'a ticket ends with the password',
    'and t.password_version = u.password_version and u.second_step and u.suspended_at',
    'and u.second_step and u.suspended_at',
    ATTACKS,
    'is worthless once it is used, once the password is new, and once the second step was off',
  ),
  tickets(
    'no table holds a ticket',
    'select ${sha256(id)}, id, ${passwordVersion}',
    'select ${id}, id, ${passwordVersion}',
    ATTACKS,
    'that was seen over a shoulder is worthless once it was used, in another login and on the account',
  ),
  steps(
    'a set-up is over after an hour',
    'now() - step.createdAt.getTime() > SET_UP_MS',
    'now() - step.createdAt.getTime() > 24 * SET_UP_MS',
    PAGES,
    'is over an hour after it was begun',
  ),
  steps(
    'a stranger’s address gets no second step',
    '!mail.enabled || user.emailVerified',
    'true',
    ATTACKS,
    'is none by a second step of a stranger: where there is mail, the address is confirmed first',
  ),
  remembered(
    'a device skips it no longer after it is made to forget',
    'step.confirmedAt.getTime(), step.devicesVersion]',
    'step.confirmedAt.getTime()]',
    PAGES,
    'asks for a code again after a button on the account',
  ),
  remembered(
    'nor after a new password',
    'const versions = [passwordVersion, user.devicesVersion,',
    'const versions = [user.devicesVersion,',
    PAGES,
    'asks for a code again after a new password',
  ),
  inFile('src/accounts/second-step/recovery-codes.ts')(
    'no table holds a recovery code',
    "createHmac('sha256', secret)\n    .update(`recovery code ${typedCode(code).toLowerCase()}`)\n    .digest('base64url')",
    '`${typedCode(code).toLowerCase()}${secret.length * createHmac.length * 0}`',
    PAGES,
    'is not in the database as it is',
  ),
  identity(
    'a change asks for a code again after ten minutes',
    'now() - (session.steppedAt ?? 0) < CONFIRMED_MS',
    'now() - (session.steppedAt ?? 0) < 1_000 * CONFIRMED_MS',
    PAGES,
    'takes a code too, ten minutes after the last one',
  ),
]

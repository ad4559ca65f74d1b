/** What a code of a mail does: it logs in, confirms an address, and takes an account from whoever made it with somebody else's address. */
import { inFile, type Mutant } from '../mutant.ts'

const LOGIN = 'src/accounts/mailed-codes/login-by-code.ts'
const login = inFile(LOGIN)
const PAGES = 'web/pages/login-code'
const ATTACKS = 'web/pages/login-code-attacks'
const GUARDS = 'web/pages/login-code-guards'

export const CODE_LOGINS: Mutant[] = [
  login(
    'a code that was used gives all tries back',
    "await rateLimits.clear('unusedCodesByAddress', `sign-in ${user.email}`)",
    '',
    ATTACKS,
    'a code that Ada uses gives her all tries back',
  ),
  inFile('src/accounts/links/password-reset.ts')(
    'a new password by mail gives the codes back',
    "rateLimits.clear('unusedCodesByAddress', `sign-in ${user.email}`),",
    '',
    ATTACKS,
    'a new password by mail gives Ada all tries back, when a stranger has used them up',
  ),
  inFile('src/web/session/identity.ts')(
    'a code of a mail is one step only',
    "const isBoth = amr.includes('mfa')",
    "const isBoth = amr.includes('mfa') || amr.includes('otp')",
    ATTACKS,
    'the second step there is none, by code or by link, on pages or in the API',
  ),
  inFile('src/web/session/identity.ts')(
    'a code of a mail shows no password',
    'confirmedAt: amr.some((one) => CONFIRMING.includes(one)) ? now : 0,',
    'confirmedAt: now,',
    ATTACKS,
    '“confirm it is you” there is none: a session by code has shown no password',
  ),
  inFile('src/web/session/identity.ts')(
    'a code of a mail and one of the app show no password either',
    'confirmedAt: amr.some((one) => CONFIRMING.includes(one)) ? now : 0,',
    "confirmedAt: amr.includes('pwd') || isBoth ? now : 0,",
    ATTACKS,
    '“confirm it is you” there is none with the second step either: code and app are no password',
  ),
  login(
    'a suspended account has no login by a code',
    "if (suspendedAt !== null) return { ok: false, reason: 'suspended' }",
    '',
    PAGES,
    'hears of a suspension after the right code, and not before',
  ),
  login(
    'the password of whoever made the account goes',
    'password_hash = null, ',
    '',
    ATTACKS,
    'is Ada’s after her login: Eve’s password, sessions, devices and links are worth nothing',
  ),
  login(
    'their devices are strangers',
    'devices_version = users.devices_version + 1,',
    '',
    ATTACKS,
    'is Ada’s after her login: Eve’s password, sessions, devices and links are worth nothing',
  ),
  login(
    'their calendar has no address',
    'update plans set calendar_hash = null, calendar_since = null where user_id in (select id from claimed)',
    'select 1',
    ATTACKS,
    'is Ada’s after her login: Eve’s password, sessions, devices and links are worth nothing',
  ),
  {
    guard: 'their sessions end (in the statement, and after it)',
    breaks: [
      { file: LOGIN, from: 'delete from sessions where user_id in (select id from claimed)', to: 'select 1' },
      { file: LOGIN, from: 'await revokeSessions(sql, user.id)', to: 'void revokeSessions' },
    ],
    test: ATTACKS,
    title: 'is Ada’s after her login: Eve’s password, sessions, devices and links are worth nothing',
  },
  {
    guard: 'their links end (a new version of the password)',
    breaks: [
      { file: LOGIN, from: 'password_version = users.password_version + 1, devices', to: 'devices' },
      { file: LOGIN, from: 'passwordVersion: version + 1', to: 'passwordVersion: version' },
    ],
    test: GUARDS,
    title: 'leaves whoever made it no change of the address that waits',
  },
  {
    guard: 'their passkeys go (in the statement, and after it)',
    breaks: [
      { file: LOGIN, from: 'delete from passkeys where user_id in (select id from claimed)', to: 'select 1' },
      { file: LOGIN, from: 'await endPasskeys(sql, user.id)', to: 'void endPasskeys' },
    ],
    test: GUARDS,
    title: 'leaves whoever made it no passkey, from a time without mail',
  },
  inFile('src/accounts/mailed-codes/code-request.ts')(
    'a confirmed address gets no code that confirms it',
    "'email-verification': fragment`not email_verified`",
    "'email-verification': fragment`true`",
    GUARDS,
    'that would confirm an address is not mailed to one that is confirmed',
  ),
  inFile('src/web/api/endpoints/mailed-codes.ts')(
    'an address is confirmed in a session of its account only',
    "if (learner === undefined) return new Refusal('SIGN_IN_TO_CONFIRM')",
    '',
    ATTACKS,
    'is not confirmed for Eve by a code that Ada reads, nor by Eve’s guesses alone',
  ),
  {
    guard: 'an address is confirmed by its own learner (at the call, and in the statement)',
    breaks: [
      {
        file: 'src/web/api/endpoints/mailed-codes.ts',
        from: "if (user.email !== address.data) return new Refusal('INVALID_USER')",
        to: '',
      },
      {
        file: 'src/accounts/links/email-verification.ts',
        from: 'where u.id = link.id and u.id = ${user.id} and u.email',
        to: 'where u.id = link.id and u.email',
      },
    ],
    test: GUARDS,
    title: 'confirms no address in the session of somebody else',
  },
  inFile('src/web/session/identity.ts')(
    'a client that goes on to a second step is signed out of another account first',
    'if (beside && req.user) forgetOnDevice(res, deps)',
    '',
    GUARDS,
    'with a second step beside another account leaves that one’s session, and what follows is about the new one',
  ),
  ...['login_tickets', 'mailed_codes'].map((table) =>
    inFile('src/accounts/links/deletion-undo.ts')(
      `after an undone deletion no login of before goes on (${table})`,
      `delete from ${table} where user_id in (select id from kept)`,
      `delete from ${table} where false and user_id in (select id from kept)`,
      'web/pages/deletion-undo-gone',
      'has no login that is half done, and no code that was mailed, which come back with it',
    ),
  ),
]

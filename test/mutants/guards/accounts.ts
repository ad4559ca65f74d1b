/** Passwords, accounts and the links of mails. */
import { inFile, type Mutant } from '../mutant.ts'

const links = inFile('src/accounts/links/email-links.ts')
const LINKS = 'src/accounts/links/email-links.ts'
const hashing = inFile('src/accounts/passwords/password-hashing.ts')
const change = inFile('src/accounts/password-change.ts')
const signUp = inFile('src/accounts/sign-up.ts')

export const ACCOUNTS: Mutant[] = [
  hashing(
    'an unknown address costs a hash too',
    '      await compareWithNothing(cost)\n      return { ok: false }',
    '      return { ok: false }',
    'accounts/enumeration',
    'counted in the work of bcrypt',
  ),
  hashing(
    'an old hash costs as much as a new one',
    'for (let missing = storedCost; missing < cost; missing += 1) await compareWithNothing(missing)',
    '',
    'accounts/enumeration',
    'counted in the work of bcrypt',
  ),
  hashing(
    'all of a long password counts',
    "update(password.normalize('NFC'))",
    "update(password.normalize('NFC').slice(0, 72))",
    'accounts/fields',
    'a password that differs in what follows the 72nd lets nobody in',
  ),
  hashing(
    'a hash needs its pepper',
    "createHmac('sha384', pepper).update(password",
    "createHmac('sha384', 'pepper').update(password",
    'accounts/password-hashing',
    'counts: the same password under another pepper is not the same',
  ),
  change(
    'of two changes at once one wins',
    ' and password_hash = ${confirmation.passwordHash}',
    '',
    'web/pages/account-races',
    'by the form for a new password: the reset ends that session too, and no other takes its place',
  ),
  change(
    'a new password is a new version',
    'password_version = password_version + 1,',
    '',
    'limits/known-devices',
    'after a password change on another device, which itself stays known',
  ),
  {
    guard: 'a link is good once (in the statement, and in what is said of it)',
    breaks: [
      {
        file: LINKS,
        from: 'and t.purpose = ${purpose} and t.used_at is null and',
        to: 'and t.purpose = ${purpose} and',
      },
      { file: LINKS, from: "  if (usedAt) return 'used'\n", to: '' },
      { file: LINKS, from: '      and t.token_hash in (select token_hash from current_links)\n', to: '' },
      { file: LINKS, from: "return current ? 'good' : 'superseded'", to: "return current ? 'good' : 'good'" },
      {
        file: 'src/accounts/links/password-reset.ts',
        from: 'condition: fragment`u.password_version = t.password_version`',
        to: 'condition: fragment`true`',
      },
      {
        file: 'src/accounts/links/password-reset.ts',
        from: 'const SAME_PASSWORD = fragment`users.password_version = link.password_version`',
        to: 'const SAME_PASSWORD = fragment`true`',
      },
    ],
    test: 'web/pages/password-reset-link',
    title: 'one that was used',
  },
  {
    guard: 'a link is good for its purpose only (looking at it, and using it)',
    breaks: [
      { file: LINKS, from: 'if (link && purposes.includes(link.purpose)) return', to: 'if (link) return' },
      { file: LINKS, from: 'and t.purpose = ${purpose} and', to: 'and' },
    ],
    test: 'web/api/contract-mail-reset',
    title: 'of another purpose resets nothing',
  },
  {
    guard: 'a link ends after its time (looking at it, and using it)',
    breaks: [
      {
        file: LINKS,
        from: "if (expiresAt.getTime() <= now) return 'expired'",
        to: "if (expiresAt.getTime() < 0 * now) return 'expired'",
      },
      { file: LINKS, from: 'and t.expires_at > ${new Date(now)} and u.id', to: 'and u.id' },
    ],
    test: 'web/pages/password-reset-link',
    title: 'to the second',
  },
  links(
    'only a hash of a link is stored',
    'export const hashed = (token: string): string => sha256(token)',
    'export const hashed = (token: string): string => token',
    'web/pages/password-reset-link',
    'finds its token in the table only as a hash',
  ),
  links(
    'guessed links are counted',
    "const count = await rateLimits.count('unknownLinksByNetwork', networkOf(ip))",
    'const count = { ok: true } as const\n  void networkOf(ip)',
    'web/pages/password-reset-guessing',
    'a hundred from one network are looked at, then it must wait; a real link works there all the same',
  ),
  inFile('src/accounts/links/counted-mails.ts')(
    'nobody’s mailbox is filled',
    'return { ok: true, send: byAddress.ok,',
    'return { ok: true, send: true,',
    'web/pages/password-reset-asking',
    'when an address has had its mails of the hour, from whichever network',
  ),
  signUp(
    'a taken address is refused, whatever the password',
    'isRecent && known.signUpForm === signUpForm && (await',
    'isRecent && (await',
    'accounts/sign-up',
    'becomes one account in any mixture of capitals',
  ),
  signUp(
    'a form sent again later is no way in',
    ' && now() - known.user.createdAt.getTime() < SAME_SIGN_UP_MS',
    ' && now() > 0',
    'accounts/sign-up',
    'is refused in the same browser too, once that sign-up is long over',
  ),
  signUp(
    'an address becomes one account',
    'on conflict (email) do nothing',
    'on conflict (email) do update set name = excluded.name',
    'accounts/sign-up',
    'becomes one account, though a hundred people sign up with it',
  ),
  inFile('src/base/log.ts')(
    'an error in the log does not say what a row held',
    '...(fromDatabase ? {} : { message: error.message }),',
    '...{ message: error.message, fromDatabase },',
    'base/log-format',
    'tells of an error without what it carries: json',
  ),
]

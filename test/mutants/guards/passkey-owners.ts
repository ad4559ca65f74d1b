/** Whose a passkey is: who adds, names and removes it, and when it ends. */
import { inFile, type Mutant } from '../mutant.ts'

const ADDING = 'src/accounts/passkeys/passkeys.ts'
const RESET = 'src/accounts/links/password-reset.ts'
const NOT_ME = 'src/accounts/links/not-me.ts'
const adding = inFile(ADDING)
const calls = inFile('src/web/api/endpoints/passkeys.ts')
const pages = inFile('src/web/pages/account/passkeys.ts')
const PAGES = 'web/pages/passkeys'
const GUARDS = 'web/pages/passkey-guards'

export const PASSKEYS_OWNED: Mutant[] = [
  adding(
    'a passkey is named by its owner only',
    'where id = ${id} and user_id = ${userId} returning *',
    'where id = ${id} and ${userId}::text is not null returning *',
    GUARDS,
    'of somebody else is neither seen, named nor removed, by a page or a call',
  ),
  {
    guard: 'a passkey is removed by its owner only (looking for it, and in the statement)',
    breaks: [
      {
        file: ADDING,
        from: 'const passkey = (await listPasskeys(sql, user.id)).find((one) => one.id === id)',
        to: 'const [passkey] = await sql<Passkey>`select * from passkeys where id = ${id}`',
      },
      {
        file: ADDING,
        from: 'delete from passkeys where id = ${id} and user_id in (select id from learner) and (',
        to: 'delete from passkeys where id = ${id} and (',
      },
    ],
    test: GUARDS,
    title: 'of somebody else is neither seen, named nor removed, by a page or a call',
  },
  adding(
    'the last way in stays',
    "return { ok: false, reason: isThere ? 'last-way-in' : 'unknown' }",
    "await sql`delete from passkeys where id = ${id} and user_id = ${user.id}`\n    return isThere ? { ok: true } : { ok: false, reason: 'unknown' }",
    PAGES,
    'cannot remove the last way in, nor can its owner by mistake',
  ),
  adding(
    'there are ten passkeys at most',
    'export const PASSKEYS_MAX = 10',
    'export const PASSKEYS_MAX = 100',
    PAGES,
    'is one of ten at most',
  ),
  pages(
    'a passkey is added after the password only',
    '  router\n    .route(PAGE)\n    .all(requireConfirmed(deps, PAGE))\n',
    '  router\n    .route(PAGE)\n',
    PAGES,
    'is added only after the password',
  ),
  pages(
    'a passkey is removed after the password only',
    '.post(requireConfirmed(deps, PAGE), async (req, res) => {\n      const removed',
    '.post(async (req, res) => {\n      const removed',
    GUARDS,
    'is neither named, removed nor added ten minutes after the password',
  ),
  calls(
    'a call adds or removes a passkey after the password only',
    'const isFresh = (req: Request) => isConfirmed(req, deps) && isStepped(req, deps)',
    'const isFresh = (req: Request) => isConfirmed(req, deps) || isStepped(req, deps)',
    GUARDS,
    'is neither named, removed nor added ten minutes after the password',
  ),
  inFile('src/accounts/second-step/second-steps.ts')(
    'an address that is not confirmed gets no passkey',
    '!mail.enabled || user.emailVerified',
    'true',
    GUARDS,
    'is added once the address is confirmed, where there is mail',
  ),
  {
    guard: 'the passkeys of whoever made the account go with a reset (in its statement, and after it)',
    breaks: [
      {
        file: RESET,
        from: '      delete from passkeys where user_id in (select id from changed)\n',
        to: '      select 1 from passkeys where user_id in (select id from changed)\n',
      },
      { file: RESET, from: 'if (!user.emailVerified) await endPasskeys(sql, user.id)', to: 'void endPasskeys' },
    ],
    test: GUARDS,
    title: 'of whoever made the account goes with a reset by the owner of the address',
  },
  {
    guard: 'passkeys go with “It was not me” (in its statement, and after it)',
    breaks: [
      { file: NOT_ME, from: 'delete from passkeys where user_id in (select id from changed)', to: 'select 1' },
      { file: NOT_ME, from: 'await endPasskeys(sql, link.user.id)', to: 'void endPasskeys' },
    ],
    test: GUARDS,
    title: 'goes with “It was not me”',
  },
]

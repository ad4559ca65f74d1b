/** Guards that stand behind one another: each alone is enough, so no test can tell which of them is missing. They are broken together. */
import type { Mutant } from '../mutant.ts'

const CHANGE = 'src/accounts/password-change.ts'
const RESET = 'src/accounts/links/password-reset.ts'
const DELETION = 'src/accounts/account-deletion.ts'
const STEPS = 'src/accounts/second-step/second-steps.ts'
const ACCESS = 'src/tokens/access-tokens.ts'
const REFRESH = 'src/tokens/refresh-tokens.ts'
const RETURN_TO = 'src/web/session/return-to.ts'
const KEPT = 'src/web/session/kept-forms.ts'

export const PAIRS: Mutant[] = [
  {
    guard: 'a new password ends the other sessions (in its statement, and after it)',
    breaks: [
      {
        file: CHANGE,
        from: 'delete from sessions where ${endSessions} and user_id in (select id from changed)',
        to: 'delete from sessions where ${endSessions} and false',
      },
      { file: CHANGE, from: 'if (endSessions) await revokeSessions(sql, user.id)', to: 'void revokeSessions' },
    ],
    test: 'web/pages/password-change',
    title: 'with the box as it comes logs out the other devices, and tells the owner',
  },
  {
    guard: 'a reset ends all sessions (in its statement, and after it)',
    breaks: [
      {
        file: RESET,
        from: 'ended as (\n      delete from sessions where user_id in (select id from changed)\n    ), without_answers',
        to: 'without_answers',
      },
      { file: RESET, from: 'await revokeSessions(sql, user.id)', to: 'void revokeSessions' },
    ],
    test: 'web/pages/password-reset-done',
    title: 'every session and refresh token is dead, the owner is told, and nobody is logged in',
  },
  {
    guard: 'a claimed account starts empty (in its statement, and after it)',
    breaks: [
      { file: RESET, from: "name = case when ${startEmpty} then '' else name end,", to: 'name = name,' },
      { file: RESET, from: 'if (startEmpty) await emptyAgain(sql, user.id)', to: 'void emptyAgain' },
    ],
    test: 'web/pages/email-verification-claimed',
    title: 'makes the account theirs, empty, and nothing of before works',
  },
  {
    guard:
      'only an address that is not confirmed can be claimed (on the page, when the link is taken, and when the account is)',
    breaks: [
      {
        file: 'src/web/pages/links/email-verification.ts',
        from: "state === 'good' && purpose === 'verify-email' && !user.emailVerified",
        to: "state === 'good' && purpose === 'verify-email' && user !== undefined",
      },
      { file: RESET, from: 'condition: fragment`not u.email_verified`', to: 'condition: fragment`true`' },
      { file: RESET, from: 'still: fragment`not users.email_verified`', to: 'still: fragment`true`' },
    ],
    test: 'web/pages/email-verification-claimed',
    title: 'claims nothing once the address is confirmed',
  },
  {
    guard:
      'no account is claimed whose address is confirmed meanwhile (when the link is taken, and when the account is)',
    breaks: [
      { file: RESET, from: 'condition: fragment`not u.email_verified`', to: 'condition: fragment`true`' },
      { file: RESET, from: 'still: fragment`not users.email_verified`', to: 'still: fragment`true`' },
    ],
    test: 'web/pages/email-verification-claimed',
    title: 'claims nothing when the address is confirmed at that very moment',
  },
  {
    guard: 'a deletion ends all sessions (in its statement, and after it)',
    breaks: [
      {
        file: DELETION,
        from: '    ), sessions_ended as (\n      delete from sessions where user_id in (select id from leaving)\n    ), links_ended',
        to: '    ), links_ended',
      },
      { file: DELETION, from: 'await revokeSessions(sql, id)', to: 'void revokeSessions' },
    ],
    test: 'web/pages/deletion-undo-gone',
    title: 'has no session, token, link or address change any more, and none of them comes back with it',
  },
  {
    guard: 'switching the second step on ends the sessions from before (in its statement, and after it)',
    breaks: [
      {
        file: STEPS,
        from: 'delete from sessions where user_id in (select id from changed) and handle <> ${handle}\n',
        to: 'delete from sessions where false and handle <> ${handle}\n',
      },
      { file: STEPS, from: 'await endOtherSessions(sql, user.id, handle)', to: 'void endOtherSessions' },
    ],
    test: 'web/pages/second-step',
    title: 'ends the sessions from before, and this one goes on under a new id',
  },
  {
    guard: 'a token is for this site (the library, and our own look)',
    breaks: [
      { file: ACCESS, from: '            audience: issuer,\n', to: '' },
      { file: ACCESS, from: 'payload.aud !== issuer || ', to: '' },
    ],
    test: 'web/api/tokens-claims',
    title: 'of another audience: {"aud":"missing"}',
  },
  {
    guard: 'a refresh token is over after its time (its own, its family’s, and its session’s)',
    breaks: [
      { file: REFRESH, from: 'if (usedAt === null && expiresAt.getTime() <= now) return', to: 'if (now < 0) return' },
      { file: REFRESH, from: 'and f.expires_at > ${new Date(now)} and s.expire > ${new Date(now)}`', to: '`' },
    ],
    test: 'web/api/refresh-limits',
    title: 'ends with its session after 30 days, however often it is used',
  },
  {
    guard: 'a way back leads to this site (how it is written, and where it resolves to)',
    breaks: [
      { file: RETURN_TO, from: '/^\\/(?!\\/)[^', to: '/^\\/[^' },
      { file: RETURN_TO, from: "url.origin !== BASE || url.pathname.startsWith('//') ||", to: '' },
    ],
    test: 'web/session/return-to',
    title: 'the login page keeps it in one piece',
  },
  {
    guard: 'a kept form is shown to its own learner only (at the login, and on its page)',
    breaks: [
      {
        file: KEPT,
        from: 'return form && req.user && isMarkOf(deps, form.mark, req.user.id) ? form.values : undefined',
        to: 'return form && req.user ? form.values : undefined',
      },
      {
        file: KEPT,
        from: 'return form && isMarkOf(deps, form.mark, userId) ?',
        to: 'return form && userId !== undefined ?',
      },
    ],
    test: 'web/pages/kept-forms',
    title: 'when somebody else logs in',
  },
]

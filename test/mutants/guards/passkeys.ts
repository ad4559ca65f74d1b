/** What a passkey signs: for whom, how often, and who holds it. */
import { inFile, type Mutant } from '../mutant.ts'

const LOGIN = 'src/accounts/passkeys/passkey-login.ts'
const ADDING = 'src/accounts/passkeys/passkeys.ts'
const CHALLENGES = 'src/accounts/passkeys/challenges.ts'
const login = inFile(LOGIN)
const adding = inFile(ADDING)
const challenges = inFile(CHALLENGES)
const PAGES = 'web/pages/passkeys'
const GUARDS = 'web/pages/passkey-guards'

export const PASSKEYS_SIGNED: Mutant[] = [
  login(
    'a passkey signs for our origin',
    'expectedOrigin: origin,',
    "expectedOrigin: [origin, 'https://evil.example'],",
    PAGES,
    'cannot use what was signed for another origin or another site',
  ),
  login(
    'a passkey signs for our host',
    'expectedRPID: rpID,',
    "expectedRPID: [rpID, 'evil.example'],",
    PAGES,
    'cannot use what was signed for another origin or another site',
  ),
  adding(
    'a passkey is made on our origin',
    'expectedOrigin: origin,',
    "expectedOrigin: [origin, 'https://evil.example'],",
    GUARDS,
    'that was made for another origin, another site or another end is not added',
  ),
  adding(
    'a passkey is made for our host',
    'expectedRPID: rpID,',
    "expectedRPID: [rpID, 'evil.example'],",
    GUARDS,
    'that was made for another origin, another site or another end is not added',
  ),
  login(
    'a page in a frame of another site logs nobody in',
    'if (isFramed(assertion)) return wrong',
    '',
    GUARDS,
    'that was asked for in a frame of another site does not log in',
  ),
  inFile('src/accounts/passkeys/credentials.ts')(
    'nobody is asked about certificates',
    'SettingsService.setRootCertificates({ identifier, certificates: [] })',
    'SettingsService.getRootCertificates({ identifier })',
    GUARDS,
    'has nobody asked about the certificates that come with it',
  ),
  adding(
    'a page in a frame of another site adds nothing',
    "if (isFramed(registration)) return { ok: false, reason: 'refused' }",
    '',
    GUARDS,
    'that was asked for in a frame of another site is not added',
  ),
  login(
    'a passkey that could once be copied is no hardware key',
    "known.backupEligible || signed.credentialDeviceType === 'multiDevice'",
    "signed.credentialDeviceType === 'multiDevice'",
    GUARDS,
    'is told in tokens from a hardware key once its authenticator has said that it can be copied',
  ),
  login(
    'a login asks who holds the authenticator',
    'requireUserVerification: true,',
    'requireUserVerification: false,',
    PAGES,
    'is refused where the authenticator has not checked who holds it',
  ),
  adding(
    'a new passkey asks who holds the authenticator',
    'requireUserVerification: true,',
    'requireUserVerification: false,',
    PAGES,
    'is refused where the authenticator has not checked who holds it',
  ),
  login(
    'a login begins with the passkey of its account',
    'if (assertion.response.userHandle !== known.handle) return wrong',
    '',
    PAGES,
    'cannot use a passkey for the account of another user',
  ),
  login(
    'a signature is checked',
    'if (!verified || signed === undefined) return wrong',
    'if (signed === undefined) return wrong',
    GUARDS,
    'that somebody else has signed with does not log in, whatever it is called',
  ),
  challenges(
    'a challenge is answered once',
    'on conflict do nothing returning 1 as spent',
    'on conflict (challenge_hash) do update set expires_at = excluded.expires_at returning 1 as spent',
    PAGES,
    'cannot send an answer twice, not even to another process',
  ),
  {
    guard: 'an answer that was sent before neither uses a passkey nor logs in (in the statement, and after it)',
    breaks: [
      { file: LOGIN, from: 'and exists (select 1 from spent) and (sign_count', to: 'and (sign_count' },
      {
        file: LOGIN,
        from: "if (!found?.spent) return { ok: false, reason: 'over' }",
        to: "if (!found) return { ok: false, reason: 'over' }",
      },
    ],
    test: PAGES,
    title: 'cannot send an answer twice, not even to another process',
  },
  adding(
    'a challenge makes one passkey',
    'where exists (select 1 from spent) and (select count(*)',
    'where (select count(*)',
    GUARDS,
    'of which two are made for one challenge is one',
  ),
  challenges(
    'a challenge belongs to one browser',
    'JSON.stringify([purpose.kind, browser, ...whose, text])',
    'JSON.stringify([purpose.kind, browser.length, ...whose, text])',
    PAGES,
    'cannot send it from another browser, nor after five minutes',
  ),
  challenges(
    'a challenge to add belongs to one account',
    '[purpose.userId, purpose.passwordVersion]',
    '[purpose.passwordVersion]',
    GUARDS,
    'that was begun in one account is not added to another, in the same browser',
  ),
  {
    guard: 'a challenge to add ends with the password (in the challenge, and in the statement)',
    breaks: [
      { file: CHALLENGES, from: '[purpose.userId, purpose.passwordVersion]', to: '[purpose.userId]' },
      {
        file: ADDING,
        from: 'where id = ${user.id} and password_version = ${passwordVersion} for',
        to: 'where id = ${user.id} for',
      },
    ],
    test: GUARDS,
    title: 'that was begun before a new password is not added after it',
  },
  {
    guard: 'a challenge of a login makes no passkey (its kind, and whose it is)',
    breaks: [
      {
        file: CHALLENGES,
        from: 'JSON.stringify([purpose.kind, browser, ...whose, text])',
        to: 'JSON.stringify([browser, text])',
      },
    ],
    test: GUARDS,
    title: 'that was made for the challenge of a login is not added',
  },
  challenges(
    'a challenge is over after five minutes',
    'return isOurs && Number(end) > now() ?',
    'return isOurs && Number(end) > 0 * now() ?',
    PAGES,
    'cannot send it from another browser, nor after five minutes',
  ),
  challenges(
    'a challenge is one that we have made',
    'isSameText(signature(key, browser, purpose, `${nonce}.${end}`), given)',
    "isSameText(signature(key, browser, purpose, `${nonce}.${end}`), given) || (given !== '' && browser !== '')",
    GUARDS,
    'that answers a challenge which nobody here has made does not log in',
  ),
  login(
    'the counter of a passkey only goes up',
    '(sign_count < ${count}::bigint or (sign_count = 0 and ${count}::bigint = 0))',
    '(sign_count < ${count}::bigint or ${count}::bigint >= 0)',
    PAGES,
    'is refused with a copied authenticator, and its owner sees it',
  ),
  login(
    'the owner hears of a copy',
    'if (current !== undefined && count <= current.signCount) await',
    'if (current !== undefined && count < 0) await',
    PAGES,
    'is refused with a copied authenticator, and its owner sees it',
  ),
  login(
    'the passkey of a suspended account is no login',
    "if (suspendedAt !== null) return { ok: false, reason: 'suspended' }",
    '',
    PAGES,
    'cannot get in by a passkey of a suspended or a deleted account',
  ),
  {
    guard: 'the passkey of a deleted account is none (finding it, and using it)',
    breaks: [
      { file: LOGIN, from: 'h.user_id = p.user_id join users u on', to: 'h.user_id = p.user_id join all_users u on' },
      {
        file: LOGIN,
        from: 'from users u where u.id = ${known.userId}',
        to: 'from all_users u where u.id = ${known.userId}',
      },
    ],
    test: PAGES,
    title: 'cannot get in by a passkey of a suspended or a deleted account',
  },
  login(
    'wrong answers are counted for the network',
    "const count = await deps.rateLimits.count('passkeysByNetwork', network)",
    'const count = { ok: true } as const',
    GUARDS,
    'from one network ends with two hundred wrong answers, and one that is right costs nothing',
  ),
  login(
    'a right answer takes no try from the network',
    "if (login.ok || login.reason === 'suspended') await",
    "if (!login.ok && login.reason === 'suspended') await",
    GUARDS,
    'from one network ends with two hundred wrong answers, and one that is right costs nothing',
  ),
  login(
    'an outage takes no try from the network',
    'void Promise.allSettled([refund()])',
    '',
    GUARDS,
    'that could not be looked up costs its network nothing',
  ),
]

/** Codes of mails. */
import { inFile, type Mutant } from '../mutant.ts'

const CODES = 'src/accounts/mailed-codes/mailed-codes.ts'
const codes = inFile(CODES)
const request = inFile('src/accounts/mailed-codes/code-request.ts')
const PAGES = 'web/pages/login-code'
const ATTACKS = 'web/pages/login-code-attacks'
const GUARDS = 'web/pages/login-code-guards'

export const MAILED_CODES: Mutant[] = [
  {
    guard: 'a code is good in the browser that asked only (trying it, and using it)',
    breaks: [
      { file: CODES, from: 'update(`${request} ${code}`)', to: 'update(code + 0 * request.length)' },
      {
        file: CODES,
        from: 'where c.request_hash = ${sha256(request)} and c.purpose = ${purpose} and c.used_at is null\n      and c.expires_at > ${new Date(deps.now())}',
        to: 'where c.code_hash = any(${codeHashes(deps, request, code)}) and c.purpose = ${purpose} and c.used_at is null\n      and c.expires_at > ${new Date(deps.now())}',
      },
      {
        file: CODES,
        from: 'where request_hash = ${sha256(request)}) for update',
        to: 'where code_hash = any(${codeHashes(deps, request, String(Reflect.get(proof, "code")))})) for update',
      },
      {
        file: CODES,
        from: 'where c.request_hash = ${sha256(request)} and c.purpose = ${purpose} and c.used_at is null\n        and c.expires_at > ${new Date(now)}',
        to: 'where c.purpose = ${purpose} and c.used_at is null\n        and c.expires_at > ${new Date(now)}',
      },
    ],
    test: ATTACKS,
    title: 'Ada’s code is worthless in a browser that has not asked, or has asked for itself',
  },
  codes(
    'the link of a code is good in the browser that asked only',
    "return request !== undefined && sha256(request) === row.requestHash ? 'good' : 'elsewhere'",
    "return request !== undefined && sha256(request) === row.requestHash ? 'good' : 'good'",
    ATTACKS,
    'Eve asks with Ada’s address, and Ada’s press of the mailed link logs in nobody, there or here',
  ),
  codes(
    'wrong tries are counted',
    'set tries = c.tries + case when ${isRight} then 0 else 1 end',
    'set tries = c.tries + case when ${isRight} then 0 else 0 end',
    ATTACKS,
    'ends after five tries, also of many at the same moment, and then the right code is none',
  ),
  codes(
    'a code has five tries',
    'and c.tries < ${CODE_TRIES}::int\n    returning',
    'and c.tries < 100 * ${CODE_TRIES}::int\n    returning',
    ATTACKS,
    'ends after five tries, also of many at the same moment, and then the right code is none',
  ),
  {
    guard: 'a code of a mail is good once (trying it, and using it)',
    breaks: [
      { file: CODES, from: 'and c.used_at is null\n      and c.expires_at', to: '\n      and c.expires_at' },
      { file: CODES, from: 'and c.used_at is null\n        and c.expires_at', to: '\n        and c.expires_at' },
    ],
    test: PAGES,
    title: 'types a code that was used, and is told so',
  },
  codes(
    'of many uses of a code at once one wins',
    'and c.used_at is null\n        and c.expires_at',
    '\n        and c.expires_at',
    ATTACKS,
    'who send the same code begin one session',
  ),
  {
    guard: 'a code of a mail ends after ten minutes (trying it, and using it)',
    breaks: [
      { file: CODES, from: 'and c.expires_at > ${new Date(deps.now())}', to: '' },
      { file: CODES, from: 'and c.expires_at > ${new Date(now)} and c.user_id', to: 'and c.user_id' },
    ],
    test: PAGES,
    title: 'reads what is wrong with a code: none, too short, wrong, over',
  },
  {
    guard: 'the link of a code ends after ten minutes (looking at it, and using it)',
    breaks: [
      {
        file: CODES,
        from: "if (row.expiresAt.getTime() <= now()) return 'expired'\n    return request",
        to: 'return request',
      },
      { file: CODES, from: 'and c.expires_at > ${new Date(now)} and c.user_id', to: 'and c.user_id' },
    ],
    test: GUARDS,
    title: 'that is older than ten minutes is over, and says so',
  },
  {
    guard: 'the link of a code is good once (looking at it, and using it)',
    breaks: [
      { file: CODES, from: "if (row.usedAt || !row.isCurrent) return 'over'", to: "if (!row.isCurrent) return 'over'" },
      { file: CODES, from: 'and c.used_at is null\n        and c.expires_at', to: '\n        and c.expires_at' },
    ],
    test: GUARDS,
    title: 'logs in once, and not again in another browser with the same part',
  },
  {
    guard: 'the link of a code ends with the password (looking at it, and using it)',
    breaks: [
      { file: CODES, from: "if (row.usedAt || !row.isCurrent) return 'over'", to: "if (row.usedAt) return 'over'" },
      { file: CODES, from: 'and c.password_version = h.password_version and ${isProven}', to: 'and ${isProven}' },
      {
        file: CODES,
        from: 'returning c.user_id as id, c.email, c.password_version, c.next',
        to: 'returning c.user_id as id, c.email, h.password_version, c.next',
      },
    ],
    test: GUARDS,
    title: 'that waits while the password is changed is over',
  },
  codes(
    'unknown links of codes are counted',
    "const count = await rateLimits.count('unknownLinksByNetwork', networkOf(ip))",
    'const count = { ok: true } as const\n    void networkOf(ip)',
    GUARDS,
    'is guessed a hundred times from one network, which must then wait; the real one works all the same',
  ),
  {
    guard: 'a code serves one purpose (trying it, and using it)',
    breaks: [
      {
        file: CODES,
        from: 'and c.purpose = ${purpose} and c.used_at is null\n      and c.expires_at',
        to: 'and c.used_at is null\n      and c.expires_at',
      },
      {
        file: CODES,
        from: 'and c.purpose = ${purpose} and c.used_at is null\n        and c.expires_at',
        to: 'and c.used_at is null\n        and c.expires_at',
      },
    ],
    test: ATTACKS,
    title: 'codes of one purpose serve no other, and a new password ends those that wait',
  },
  codes(
    'a code ends with the password',
    'u.id = c.user_id and u.email = c.email and u.password_version = c.password_version\n    ))`',
    'u.id = c.user_id and u.email = c.email\n    ))`',
    ATTACKS,
    'codes of one purpose serve no other, and a new password ends those that wait',
  ),
  codes(
    'a code is for the address that it was mailed to',
    ' and c.email = coalesce(${email}::text, c.email)\n',
    ' and coalesce(${email}::text, c.email) is not null\n',
    GUARDS,
    'with another address than it was mailed to is wrong',
  ),
  codes(
    'no table holds a code',
    "createHmac('sha256', key).update(`${request} ${code}`).digest('base64url')",
    '`${code} ${request.length * key.length * createHmac.length}${request.slice(0, 8)}`',
    ATTACKS,
    'gives whoever reads it neither a code nor a link nor the part of a browser',
  ),
  codes(
    'a code is hashed with a key',
    "createHmac('sha256', key).update(`${request} ${code}`)",
    "createHmac('sha256', 'key').update(`${request} ${code} ${0 * key.length}`)",
    GUARDS,
    'is wrong at a server that has other secrets, and right at one that has a newer one beside',
  ),
  codes(
    'wrong codes are counted for the network',
    "const count = await rateLimits.count('wrongCodesByNetwork', network)",
    'const count = { ok: true, left: 1 } as const',
    ATTACKS,
    'of many addresses from one network ends with a hundred wrong codes an hour',
  ),
  codes(
    'a right code takes no try from the network',
    'if (tried.isRight) {\n    await refund()',
    'if (tried.isRight) {',
    GUARDS,
    'that is right costs its network nothing',
  ),
  request(
    'an address without an account has a row too',
    'from (select 1) as one left join holder h on true',
    'from holder h',
    ATTACKS,
    'costs the database the same: a code, a mail that waits, and a try',
  ),
  request(
    'a mail waits for an address without an account too',
    ', [mail.row(nothing), fragment`where not exists (select 1 from holder)`]',
    '',
    GUARDS,
    'writes as much for an address without an account: a row of a mail too',
  ),
  request(
    'codes that nobody uses come to an end',
    'count.send && (await rateLimits.count(',
    'count.send || (await rateLimits.count(',
    ATTACKS,
    'across requests for new codes ends too: three mails an hour, and twenty codes that nobody uses',
  ),
  request(
    'three codes an hour are mailed',
    'const isSent = count.send && (await',
    'const isSent = (await',
    ATTACKS,
    'across requests for new codes ends too: three mails an hour, and twenty codes that nobody uses',
  ),
]

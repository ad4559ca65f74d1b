/**
 * Codes of mails (NIST SP 800-63B 3.1.3, ASVS 6.5): six digits, good once, for ten minutes and five tries, and only in the browser
 * that asked. It holds a secret in a cookie, which is not in the mail: so whoever reads the mail needs that browser, and whoever
 * asks with somebody else's address needs their mailbox.
 */
import { createHmac, randomBytes, randomInt } from 'node:crypto'
import { sha256 } from '../../base/digest.ts'
import { type Fragment, fragment } from '../../database/fragments.ts'
import type { Pruning } from '../../database/pruning.ts'
import type { Deps } from '../../deps.ts'
import { networkOf } from '../../limits/networks.ts'
import type { TooManyTries } from '../../limits/rate-limits.ts'
import type { Device } from '../activity.ts'
import { noteFailure } from '../passwords/password-check.ts'

const MINUTE = 60_000
/** The browser holds its part longer, so that it can be told that a code is over. */
export const REQUEST_LASTS_MS = 60 * MINUTE
export const CODE_TRIES = 5
const DIGITS = 6
const REQUEST_BYTES = 24
const REQUEST = /^[\w-]{32}$/

/** What a code is for, by the names of Better Auth. */
export const CODE_PURPOSES = ['sign-in', 'email-verification', 'forget-password'] as const
export type CodePurpose = (typeof CODE_PURPOSES)[number]

export const newCode = (): string => String(randomInt(10 ** DIGITS)).padStart(DIGITS, '0')
export const newRequest = (): string => randomBytes(REQUEST_BYTES).toString('base64url')

const hashUnder = (key: Buffer, request: string, code: string): string =>
  createHmac('sha256', key).update(`${request} ${code}`).digest('base64url')

/** Under each secret, the newest first. */
export const codeHashes = ({ mailedCodeKeys }: Pick<Deps, 'mailedCodeKeys'>, request: string, code: string): string[] =>
  mailedCodeKeys.map((key) => hashUnder(key, request, code))

/** What shows that somebody reads the mailbox: the code that they typed, or the link that they opened. */
export type Proof = { request: string; purpose: CodePurpose } & ({ code: string } | { linkToken: string })

/** `over`: unknown, used, or the account has changed since. `exhausted`: it was wrong too often, and no try is left. */
export type CodeRefusal =
  | { ok: false; reason: 'wrong'; triesLeft: number }
  | { ok: false; reason: 'expired' | 'exhausted' | 'over' }
  | TooManyTries

export type CodeTry = {
  request: string | undefined
  purpose: CodePurpose
  code: string
  /** The address that the caller says it was mailed to. A page does not ask for it again. */
  email?: string | undefined
  device: Device
}

/**
 * Whether this is the code of that browser. A wrong one counts: for the browser's five, and for its network. A right one is not
 * used up by this; the statement that does what the code is for does that.
 */
export async function tryCode(deps: Deps, attempt: CodeTry): Promise<{ ok: true; proof: Proof } | CodeRefusal> {
  const { request, purpose, code, device } = attempt
  const { rateLimits } = deps
  if (request === undefined || !REQUEST.test(request)) return { ok: false, reason: 'over' }
  const network = networkOf(device.ipAddress)
  // Before the try is made, so that parallel tries cannot slip past the limit.
  const count = await rateLimits.count('wrongCodesByNetwork', network)
  if (!count.ok) return count
  const refund = () => rateLimits.refund('wrongCodesByNetwork', network)
  const tried = await countedTry(deps, { ...attempt, request }).catch((error: unknown) => {
    void Promise.allSettled([refund()])
    throw error
  })
  if (tried === undefined) {
    await refund()
    return whyOver(deps, { request, purpose })
  }
  if (tried.isRight) {
    await refund()
    return { ok: true, proof: { request, purpose, code } }
  }
  noteFailure(deps, tried.userId ?? undefined, { kind: 'mailed-code-failed', device })
  return { ok: false, reason: 'wrong', triesLeft: CODE_TRIES - tried.tries }
}

async function countedTry(
  deps: Deps,
  {
    request,
    purpose,
    code,
    email = null,
  }: Omit<CodeTry, 'email'> & { request: string; email?: string | null | undefined },
): Promise<{ isRight: boolean; tries: number; userId: string | null } | undefined> {
  const isRight = fragment`(c.code_hash = any(${codeHashes(deps, request, code)}) and c.email = coalesce(${email}::text, c.email)
    and exists (
      select 1 from users u where u.id = c.user_id and u.email = c.email and u.password_version = c.password_version
    ))`
  const [tried] = await deps.sql<{ isRight: boolean; tries: number; userId: string | null }>`
    update mailed_codes c set tries = c.tries + case when ${isRight} then 0 else 1 end
    where c.request_hash = ${sha256(request)} and c.purpose = ${purpose} and c.used_at is null
      and c.expires_at > ${new Date(deps.now())} and c.tries < ${CODE_TRIES}::int
    returning coalesce(${isRight}, false) as is_right, c.tries, c.user_id`
  return tried
}

async function whyOver(
  { sql, now }: Deps,
  { request, purpose }: { request: string; purpose: CodePurpose },
): Promise<CodeRefusal> {
  const [row] = await sql<{ usedAt: Date | null; expiresAt: Date; tries: number }>`
    select used_at, expires_at, tries from mailed_codes
    where request_hash = ${sha256(request)} and purpose = ${purpose}`
  if (row === undefined || row.usedAt) return { ok: false, reason: 'over' }
  if (row.expiresAt.getTime() <= now()) return { ok: false, reason: 'expired' }
  return { ok: false, reason: row.tries >= CODE_TRIES ? 'exhausted' : 'over' }
}

/** Where somebody stands who has opened the link of a mail. `elsewhere`: it was another browser that asked for it. */
export type CodeLink = { state: 'good' | 'expired' | 'over' | 'elsewhere'; email: string }

/**
 * Finds the link of a mail with a code, and whether this browser may use it. Tokens that do not exist are counted for the
 * network, against guessing.
 */
export async function lookAtCodeLink(
  { sql, now, rateLimits }: Deps,
  { token, request, ip }: { token: string; request: string | undefined; ip: string },
): Promise<{ ok: true; link: CodeLink } | { ok: false; reason: 'unknown' } | TooManyTries> {
  const [row] = await sql<{
    requestHash: string
    email: string
    expiresAt: Date
    usedAt: Date | null
    isCurrent: boolean
  }>`
    select c.request_hash, c.email, c.expires_at, c.used_at,
      exists (select 1 from users u
        where u.id = c.user_id and u.email = c.email and u.password_version = c.password_version) as is_current
    from mailed_codes c where c.link_hash = ${sha256(token)} and c.user_id is not null`
  if (row === undefined) {
    const count = await rateLimits.count('unknownLinksByNetwork', networkOf(ip))
    return count.ok ? { ok: false, reason: 'unknown' } : count
  }
  const { email } = row
  const state = (): CodeLink['state'] => {
    if (row.usedAt || !row.isCurrent) return 'over'
    if (row.expiresAt.getTime() <= now()) return 'expired'
    return request !== undefined && sha256(request) === row.requestHash ? 'good' : 'elsewhere'
  }
  return { ok: true, link: { state: state(), email } }
}

/**
 * Uses up a code, as the first parts of the statement that does what it is for: so of many uses at the same time one wins. Gives a
 * part named `link` with the user's `id`, `email` and `password_version`, and what the code was asked for with; without a row if
 * it is not good. The user's row is
 * locked first, as by `usedLink`, whose parts have the same names.
 */
export function usedCode(deps: Deps, proof: Proof, now: number): Fragment {
  const { request, purpose } = proof
  const isProven =
    'code' in proof
      ? fragment`c.code_hash = any(${codeHashes(deps, request, proof.code)}) and c.tries < ${CODE_TRIES}::int`
      : fragment`c.link_hash = ${sha256(proof.linkToken)}`
  return fragment`
    holder as (
      select u.id, u.email, u.password_version from users u
      where u.id = (select user_id from mailed_codes where request_hash = ${sha256(request)}) for update
    ), link as (
      update mailed_codes c set used_at = ${new Date(now)} from holder h
      where c.request_hash = ${sha256(request)} and c.purpose = ${purpose} and c.used_at is null
        and c.expires_at > ${new Date(now)} and c.user_id = h.id and c.email = h.email
        and c.password_version = h.password_version and ${isProven}
      returning c.user_id as id, c.email, c.password_version, c.next, c.kept
    )`
}

/** Codes of which nobody has to be told any more. */
export const OLD_MAILED_CODES: Pruning = {
  table: 'mailed_codes',
  key: 'request_hash',
  isOver: (now) => fragment`expires_at < ${new Date(now - REQUEST_LASTS_MS)}`,
}

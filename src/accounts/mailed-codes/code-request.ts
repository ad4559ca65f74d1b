/** Asking for a code by mail. Nothing in the answer, its cost or its time tells whether the address has an account. */
import { deviceName } from '../../base/device-name.ts'
import { sha256 } from '../../base/digest.ts'
import { type Fragment, fragment } from '../../database/fragments.ts'
import type { Deps } from '../../deps.ts'
import { aboutNetwork } from '../../limits/networks.ts'
import type { TooManyTries } from '../../limits/rate-limits.ts'
import { CODE_LASTS_MS, mailedCode } from '../../mail/code-letters.ts'
import { nothing } from '../../mail/letters.ts'
import { mailed } from '../../mail/outbox.ts'
import { findLeaving } from '../account-deletion.ts'
import { type Device, noted } from '../activity.ts'
import { type Counted, countMail } from '../links/counted-mails.ts'
import { mailUndo } from '../links/deletion-undo.ts'
import { type LinkTo, newToken } from '../links/email-links.ts'
import { found, leavesAt } from '../links/holder.ts'
import { type CodePurpose, codeHashes, newCode, newRequest } from './mailed-codes.ts'

export type CodeRequest = {
  purpose: CodePurpose
  email: string
  device: Device
  /** Where a link in the mail leads, beside the code. Without it there is no link. */
  linkTo?: LinkTo | undefined
  onwards?: Onwards | undefined
  /** What the browser holds of the code that it has asked for before: a form that waits goes on from there. */
  former?: string | undefined
}

/** Where a login is to lead, and a form that waits for its learner, sealed. */
export type Onwards = { next: string; kept?: string | undefined }

/** Who gets a code. An address that is confirmed needs none that confirms it. */
const ONLY_USERS: Record<CodePurpose, Fragment> = {
  'sign-in': fragment`true`,
  'email-verification': fragment`not email_verified`,
  'forget-password': fragment`true`,
}

/**
 * Mails a code, if the address has an account, or the link to keep an account that is deleted. `request` is for the browser that
 * asks to hold, and for nobody else: without it the code is worthless. Over a limit of the address nothing is mailed, and the
 * answer is the same; only a network over its limit is told.
 */
export async function requestCode(
  deps: Deps,
  { purpose, email, device, linkTo, onwards, former = '' }: CodeRequest,
): Promise<{ ok: true; request: string } | TooManyTries> {
  const { sql, mail, rateLimits } = deps
  const count = await countMail(deps, { purpose: `${purpose}-code`, email, ip: device.ipAddress })
  if (!count.ok) return count
  // Each code gives five guesses in a million. Over weeks these would add up, so codes that nobody uses come to an end. What is not
  // mailed gives none, and must not use up the owner's.
  const isSent = count.send && (await rateLimits.count('unusedCodesByAddress', `${purpose} ${email}`)).ok
  const now = deps.now()
  const mayRemind = purpose !== 'email-verification'
  const look = mayRemind ? await findLeaving(sql, email) : undefined
  const leaving = look && look.getTime() > now ? look : undefined
  if (leaving) remind(deps, email, leaving, count)
  const [request, code, token] = [newRequest(), newCode(), linkTo && newToken()]
  const from = { device: deviceName(device.userAgent), network: aboutNetwork(device.ipAddress) }
  const row = mail.row(mailedCode(email, { purpose, code, link: linkTo && token && linkTo(token), ...from }))
  // Over the limit: look up an address that cannot exist, so that answer and cost stay the same and nothing is sent.
  const address = isSent ? email : ''
  const [hash = ''] = codeHashes(deps, request, code)
  const [written] = await sql<{ leavesAt: Date | null }>`
    with ${found(address)}, holder as (
      select id, email, password_version from found where delete_at is null and ${ONLY_USERS[purpose]}
    ), noted as (
      ${noted('mailed-code-asked', 'holder', { device, now })}
    ), coded as (
      insert into mailed_codes (request_hash, purpose, code_hash, link_hash, user_id, email, password_version, created_at, expires_at,
        next, kept)
      select ${sha256(request)}, ${purpose}, ${hash}, ${token ? sha256(token) : null}, h.id, h.email, h.password_version,
        ${new Date(now)}::timestamptz, ${new Date(now + CODE_LASTS_MS)}::timestamptz, ${onwards?.next ?? null},
        coalesce(${onwards?.kept ?? null}::text, (select kept from mailed_codes where request_hash = ${sha256(former)}))
      from (select 1) as one left join holder h on true
    ), mailed as (
      ${mailed([row, fragment`from holder`], [mail.row(nothing), fragment`where not exists (select 1 from holder)`])}
    )
    select ${leavesAt(now)} from mailed`
  mail.wake()
  // Deleted since the look before.
  if (mayRemind && !leaving && written?.leavesAt) remind(deps, email, written.leavesAt, count)
  return { ok: true, request }
}

/**
 * Whoever has left and wants to log in gets the link to come back. Not awaited, like all that only happens for known addresses:
 * the time an answer takes must not show it.
 */
function remind(deps: Deps, email: string, leaving: Date, count: Counted): void {
  mailUndo(deps, email, leaving, count).catch((error: unknown) =>
    deps.log.warn({ err: error }, 'somebody who has left was not told how to come back'),
  )
}

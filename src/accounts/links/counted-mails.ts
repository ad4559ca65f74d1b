/** How many mails somebody may ask for, whatever is in them. */
import type { Deps } from '../../deps.ts'
import { networkOf } from '../../limits/networks.ts'
import type { TooManyTries } from '../../limits/rate-limits.ts'
import type { LINK_LASTS_MS } from '../../mail/letters.ts'

/** Whether the mail that was counted may be sent. */
export type Counted = { send: boolean }

/**
 * Counts a mail for the network and for the address. A network over its limit is told. For an address, `send` is false
 * instead: whoever asks about somebody else must not learn what happened.
 */
export async function countMail(
  { rateLimits }: Deps,
  { purpose, email, ip }: { purpose: keyof typeof LINK_LASTS_MS | `${string}-code`; email: string; ip: string },
): Promise<({ ok: true; retryAfterSeconds: number } & Counted) | TooManyTries> {
  const byNetwork = await rateLimits.count('mailsByNetwork', networkOf(ip))
  if (!byNetwork.ok) return byNetwork
  // Counted for each purpose separately, so that nobody can use up a learner's resets by asking for something else.
  const byAddress = await rateLimits.count('mailsByAddress', `${purpose} ${email}`)
  return { ok: true, send: byAddress.ok, retryAfterSeconds: byAddress.ok ? 0 : byAddress.retryAfterSeconds }
}

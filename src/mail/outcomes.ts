/** What becomes of a mail in the end: it is handed over, it is refused, or it cannot be sent at all. */
import { fragment } from '../database/fragments.ts'
import type { Pruning } from '../database/pruning.ts'

const DAY = 24 * 60 * 60_000
const KEPT_MS = 7 * DAY

/** `dropped`: no secret opened it. The others but the first say why the other side refused the recipient for good. */
export type Outcome = 'handed-over' | 'dropped' | 'no-mailbox' | 'mailbox-full' | 'unwanted' | 'refused'

/**
 * Why a mail server refuses a recipient, as far as its answer tells: by the enhanced status code (RFC 3463), else by the
 * reply code (RFC 5321). The answer itself is not kept, since it may hold addresses.
 */
export function whyRefused({ response, responseCode }: { response?: unknown; responseCode?: unknown }): Outcome {
  const [, subject = '', detail = ''] = /\b5\.(\d{1,3})\.(\d{1,3})\b/.exec(String(response ?? '')) ?? []
  const code = `${subject}.${detail}`
  if (subject === '1' || code === '2.1') return 'no-mailbox'
  if (code === '2.2' || responseCode === 552) return 'mailbox-full'
  return subject === '7' ? 'unwanted' : 'refused'
}

/** Outcomes that nobody asks for any more. */
export const OLD_MAIL_OUTCOMES: Pruning = {
  table: 'mail_outcomes',
  key: 'id',
  isOver: (now) => fragment`at < ${new Date(now - KEPT_MS)}`,
}

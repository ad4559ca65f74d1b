/**
 * What an authenticator has to sign: good once, for five minutes, in the browser that asked, for one purpose. A challenge is
 * signed by us, so a page for visitors writes no row; only an answer does, and of two with the same challenge the row lets one in.
 */
import { createHmac, randomBytes } from 'node:crypto'
import { sha256 } from '../../base/digest.ts'
import { isSameText } from '../../base/same-text.ts'
import { type Fragment, fragment } from '../../database/fragments.ts'
import type { Pruning } from '../../database/pruning.ts'
import type { Deps } from '../../deps.ts'

export const CHALLENGE_LASTS_MS = 5 * 60_000
const NONCE_BYTES = 16
const CHALLENGE = /^([\w-]{22})\.(\d{13,15})\.([\w-]{43})$/

/** What an answer is for. An authenticator that is added is added to one account, as long as its password stays the same. */
export type Purpose = { kind: 'login' } | { kind: 'add'; userId: string; passwordVersion: number }

/** A challenge that was read: when it ends, and its place among the used ones. */
export type Challenge = { text: string; expiresAt: number }

const signature = (key: Buffer, browser: string, purpose: Purpose, text: string): string => {
  const whose = purpose.kind === 'add' ? [purpose.userId, purpose.passwordVersion] : []
  return createHmac('sha256', key)
    .update(JSON.stringify([purpose.kind, browser, ...whose, text]))
    .digest('base64url')
}

/** What a browser keeps in a cookie, so that challenges are its own. */
export const newBrowser = (): string => randomBytes(NONCE_BYTES).toString('base64url')

export function newChallenge({ passkeyKeys: [key], now }: Deps, browser: string, purpose: Purpose): string {
  if (key === undefined) throw new Error('There is no key to sign challenges with')
  const text = `${randomBytes(NONCE_BYTES).toString('base64url')}.${now() + CHALLENGE_LASTS_MS}`
  return `${text}.${signature(key, browser, purpose, text)}`
}

/** The challenge that was answered, as the browser writes it; undefined unless it is ours, for this browser and purpose, and not over. */
export function readChallenge(
  { passkeyKeys, now }: Deps,
  answered: string,
  browser: string,
  purpose: Purpose,
): Challenge | undefined {
  const text = Buffer.from(answered, 'base64url').toString()
  const [, nonce, end, given = ''] = CHALLENGE.exec(text) ?? []
  const isOurs = passkeyKeys.some((key) => isSameText(signature(key, browser, purpose, `${nonce}.${end}`), given))
  return isOurs && Number(end) > now() ? { text, expiresAt: Number(end) } : undefined
}

/** Spends the challenge, as one part of a statement: without a row it was answered before. */
export const spent = ({ text, expiresAt }: Challenge): Fragment => fragment`
  insert into passkey_answers (challenge_hash, expires_at) values (${sha256(text)}, ${new Date(expiresAt)})
  on conflict do nothing returning 1 as spent`

/** Answers whose challenge is over by itself. */
export const OLD_PASSKEY_ANSWERS: Pruning = {
  table: 'passkey_answers',
  key: 'challenge_hash',
  isOver: (now) => fragment`expires_at < ${new Date(now)}`,
}

/**
 * Passwords that were found in leaks (NIST SP 800-63B-4 section 3.1.1.2, ASVS 6.2.12), asked for at a service that speaks
 * the range protocol of Have I Been Pwned: it learns five of the 40 digits of a SHA-1, which fit hundreds of passwords.
 */
import { createHash } from 'node:crypto'
import type { Log } from '../../base/log.ts'

/** What people read. It says what to do, since the password may be one they use elsewhere too. */
export const BREACHED_PASSWORD =
  'This password is known from data leaks. Choose another one, and change it wherever else you use it'

export type Breached = { ok: false; reason: 'breached' }

/** A padded answer has about 40 KB. */
const ANSWER_MAX_BYTES = 256 * 1024
/** Beyond this, passwords pass unasked: each question is a connection, and a silent service keeps it for the whole second. */
const ASKED_AT_ONCE_MAX = 100
const PREFIX_LENGTH = 5

export type BreachedPasswords = ReturnType<typeof createBreachedPasswords>

export function createBreachedPasswords({
  url,
  deadlineMs,
  log,
  firstThisHour,
}: {
  /** Undefined: nothing is asked, and every password passes. */
  url: string | undefined
  /** For the whole answer. Somebody waits for it in front of a form. */
  deadlineMs: number
  log: Log
  firstThisHour: (subject: string) => boolean
}) {
  let asked = 0
  return {
    /**
     * Whether the service lists the password. It never throws: a service that is silent for a second, or says something
     * else, must not keep anybody from signing up. Takes up to a second, so nothing that others wait for may be held.
     */
    async includes(password: string): Promise<boolean> {
      if (url === undefined || asked >= ASKED_AT_ONCE_MAX) return false
      asked += 1
      try {
        return await isListed(url, password, deadlineMs)
      } catch (error) {
        // Only our own words and codes: the message of another error may hold the address, and so digits of the hash.
        if (firstThisHour('breached passwords'))
          log.warn({ reason: reasonOf(error) }, 'leaked passwords were not looked up')
        return false
      } finally {
        asked -= 1
      }
    },
  }
}

class UnusableAnswer extends Error {
  override name = 'UnusableAnswer'
}

async function isListed(url: string, password: string, deadlineMs: number): Promise<boolean> {
  const digest = createHash('sha1').update(password.normalize('NFC')).digest('hex').toUpperCase()
  const response = await fetch(`${url}/${digest.slice(0, PREFIX_LENGTH)}`, {
    headers: { 'Add-Padding': 'true', 'User-Agent': 'Matricula', Accept: 'text/plain' },
    // Elsewhere, nobody has said that it may know.
    redirect: 'error',
    signal: AbortSignal.timeout(deadlineMs),
  })
  const text = await textOf(response)
  if (text.trim() !== '' && !/^[\dA-F]{35}:\d+\r?$/im.test(text)) throw new UnusableAnswer('not a list of hashes')
  // Lines that only pad the answer have the count 0.
  return new RegExp(`^${digest.slice(PREFIX_LENGTH)}:0*[1-9]\\d*\\r?$`, 'im').test(text)
}

/** @throws {UnusableAnswer} for another status than 200, and as soon as there is more than a list can hold. */
async function textOf(response: Response): Promise<string> {
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new UnusableAnswer(`status ${response.status}`)
  }
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    // Leaving the loop closes the connection.
    if (bytes > ANSWER_MAX_BYTES) throw new UnusableAnswer('too long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('latin1')
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  if (error instanceof UnusableAnswer) return error.message
  const { cause } = error
  return cause instanceof Error && 'code' in cause ? String(cause.code) : error.name
}

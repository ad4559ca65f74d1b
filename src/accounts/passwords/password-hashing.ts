/**
 * Password hashes: `<pepper id>$2b$<cost>$…`, where bcrypt is given base64(HMAC-SHA-384(pepper, password)), so that
 * all of a long password counts: bcrypt itself reads 72 bytes (OWASP Password Storage, "pre-hashing").
 */
import { createHash, createHmac } from 'node:crypto'
import bcrypt from 'bcrypt'
import { Unavailable } from '../../base/failures.ts'

/** Hashes that may wait. One takes about 0.2 s of a core at cost 12; who comes beyond that is told to come back. */
const QUEUE_MAX = 100
const RETRY_AFTER_SECONDS = 10
/** The highest cost the configuration allows; a hash beyond it, however it got there, would block a core for minutes. */
const COST_MAX = 14
/** bcrypt knows none below. */
const COST_MIN = 4
/** The pepper's id, what bcrypt reads, and its cost. A sign that bcrypt does not know would end its work at once and tell. */
const STORED = /^([\w-]{8})(\$2b\$(\d\d)\$[./A-Za-z0-9]{53})$/
const HASH_CHARACTERS_OF_BCRYPT = 31

type Verdict = { ok: false } | { ok: true; outdated: boolean }

export function createPasswords({
  cost,
  peppers,
  atOnce,
}: {
  cost: number
  peppers: readonly Buffer[]
  atOnce: number
}) {
  const keys = new Map(
    peppers.map((pepper) => [createHash('sha256').update(pepper).digest('base64url').slice(0, 8), pepper]),
  )
  const [newest = ''] = keys.keys()
  const gate = createGate(atOnce, QUEUE_MAX)

  const digest = (password: string, pepper: Buffer | string) =>
    createHmac('sha384', pepper).update(password.normalize('NFC')).digest('base64')

  const compare = (text: string, hash: string) => gate(() => bcrypt.compare(text, hash))

  /** As much work as a comparison at `atCost`, and never a match. A malformed hash would return at once and tell. */
  async function compareWithNothing(atCost: number) {
    await compare('nothing', (await bcrypt.genSalt(atCost)) + '.'.repeat(HASH_CHARACTERS_OF_BCRYPT))
  }

  /** Undefined for what no password can match: no hash of ours, one of a secret that is gone, or one that would take hours. */
  function partsOf(stored: string | null | undefined) {
    const [, keyId = '', hash = '', digits = ''] = STORED.exec(stored ?? '') ?? []
    const pepper = keys.get(keyId)
    const storedCost = Number(digits)
    const isSound = storedCost >= COST_MIN && storedCost <= COST_MAX
    return pepper === undefined || !isSound ? undefined : { keyId, pepper, hash, storedCost }
  }

  return {
    /** Whether there is a password at all that matches. */
    canMatch: (stored: string): boolean => partsOf(stored) !== undefined,

    /** A hash for storage. @throws {Unavailable} when too many wait already. */
    async hash(password: string): Promise<string> {
      const text = digest(password, keys.get(newest) ?? '')
      return newest + (await gate(() => bcrypt.hash(text, cost)))
    },

    /**
     * Whether the password belongs to the hash, and whether the hash should be made anew (another pepper or cost than
     * today's). A refusal takes the same work for a hash of any age and for none at all, so its time tells nothing.
     * @throws {Unavailable} when too many wait already.
     */
    async verify(password: string, stored: string | null | undefined): Promise<Verdict> {
      const parts = partsOf(stored)
      if (parts === undefined) {
        await compareWithNothing(cost)
        return { ok: false }
      }
      const { keyId, pepper, hash, storedCost } = parts
      if (await compare(digest(password, pepper), hash))
        return { ok: true, outdated: keyId !== newest || storedCost !== cost }
      // 2^c and then 2^c + 2^(c+1) + … + 2^(C-1) is 2^C: the work of a hash at today's cost.
      for (let missing = storedCost; missing < cost; missing += 1) await compareWithNothing(missing)
      return { ok: false }
    },
  }
}

/** Runs at most `atOnce` jobs together and lets `waitingMax` wait in order. @throws {Unavailable} beyond. */
function createGate(atOnce: number, waitingMax: number) {
  const waiting: (() => void)[] = []
  let running = 0
  return async <Result>(job: () => Promise<Result>): Promise<Result> => {
    if (running >= atOnce) {
      if (waiting.length >= waitingMax) {
        throw new Unavailable('too many passwords are being checked', { retryAfterSeconds: RETRY_AFTER_SECONDS })
      }
      await new Promise<void>((resolve) => waiting.push(resolve))
    } else {
      running += 1
    }
    try {
      return await job()
    } finally {
      // The place goes straight to the next in line, so nobody overtakes.
      const next = waiting.shift()
      if (next) next()
      else running -= 1
    }
  }
}

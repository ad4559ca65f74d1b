/**
 * Password hashes: `<pepper id>$2b$<cost>$…`. bcrypt gets base64(HMAC-SHA-384(pepper, password)), because it only reads 72
 * bytes itself and all of a long password should count (OWASP Password Storage, “pre-hashing”).
 */
import { createHmac } from 'node:crypto'
import bcrypt from 'bcrypt'
import { sha256 } from '../../base/digest.ts'
import { createHashQueue, type Place, type Reservation } from './hash-queue.ts'
import type { HashingJob } from './hashing-thread.ts'
import { hashingThreads } from './hashing-threads.ts'
import type { OtherLines, PlaceNews } from './promised-places.ts'

/** The highest cost in the configuration. A stored hash with a higher cost would keep a core busy for minutes. */
const COST_MAX = 14
/** The lowest cost that bcrypt knows. */
const COST_MIN = 4
/** The pepper's id, bcrypt's part, and its cost. For a malformed hash bcrypt returns at once, and that speed would show. */
const STORED = /^([\w-]{8})(\$2b\$(\d\d)\$[./A-Za-z0-9]{53})$/
const HASH_CHARACTERS_OF_BCRYPT = 31

/** bcrypt's work doubles with each step of the cost. */
const unitsAt = (cost: number): number => 2 ** Math.min(COST_MAX, cost)

type Verdict = { ok: false } | { ok: true; outdated: boolean }

export function createPasswords({
  cost,
  peppers,
  atOnce,
  others,
}: {
  cost: number
  peppers: readonly Buffer[]
  atOnce: number
  others?: OtherLines | undefined
}) {
  const keys = new Map(peppers.map((pepper) => [sha256(pepper).slice(0, 8), pepper]))
  const [newest = ''] = keys.keys()
  const queue = createHashQueue({ threads: atOnce, others })
  const units = unitsAt(cost)

  const digest = (password: string, pepper: Buffer | string) =>
    createHmac('sha384', pepper).update(password.normalize('NFC')).digest('base64')

  /** Does a job at this cost, and lets the line know what it took. */
  async function done(job: HashingJob, atCost: number): Promise<string | boolean> {
    const { value, milliseconds } = await hashingThreads.run(job)
    queue.learn(unitsAt(atCost), milliseconds)
    return value
  }

  /** As much work as a comparison at this cost, without ever matching. A malformed hash would be faster. */
  async function compareWithNothing(atCost: number) {
    const hash = (await bcrypt.genSalt(atCost)) + '.'.repeat(HASH_CHARACTERS_OF_BCRYPT)
    await done({ text: 'nothing', hash }, atCost)
  }

  /** Undefined if no password can match: not our hash, one whose pepper is gone, or one that would take hours. */
  function partsOf(stored: string | null | undefined) {
    const [, keyId = '', hash = '', digits = ''] = STORED.exec(stored ?? '') ?? []
    const pepper = keys.get(keyId)
    const storedCost = Number(digits)
    const isSound = storedCost >= COST_MIN && storedCost <= COST_MAX
    return pepper === undefined || !isSound ? undefined : { keyId, pepper, hash, storedCost }
  }

  return {
    /**
     * A place in the line in front of bcrypt, for whoever has to do something else first, and for so many hashes.
     * @throws {Busy} when it would wait too long, {ClientGone} when nobody wants it any more.
     */
    keepPlace: (place?: Place, hashes?: number): Reservation => queue.keepPlace(units, place, hashes),

    /** Learns from another process whom it has sent away, or let in. */
    hear: (news: PlaceNews): void => queue.hear(news),

    /** Whether any password can match this hash. */
    canMatch: (stored: string): boolean => partsOf(stored) !== undefined,

    /** A hash to be stored. @throws {Busy} when it would wait too long, {ClientGone} when nobody wants it any more. */
    async hash(password: string, place?: Place): Promise<string> {
      const text = digest(password, keys.get(newest) ?? '')
      return newest + (await queue.run(units, () => done({ text, cost }, cost), place))
    },

    /**
     * Whether the password matches the hash, and whether the hash is `outdated`: made with another pepper or cost than
     * today's. A refusal takes the same work for a hash of any age, and for none at all, so its time shows nothing.
     * @throws {Busy} when it would wait too long, {ClientGone} when nobody wants it any more.
     */
    verify: (password: string, stored: string | null | undefined, place?: Place): Promise<Verdict> =>
      queue.run(units, () => verify(password, stored), place),
  }

  async function verify(password: string, stored: string | null | undefined): Promise<Verdict> {
    const parts = partsOf(stored)
    if (parts === undefined) {
      await compareWithNothing(cost)
      return { ok: false }
    }
    const { keyId, pepper, hash, storedCost } = parts
    if (await done({ text: digest(password, pepper), hash }, storedCost)) {
      return { ok: true, outdated: keyId !== newest || storedCost !== cost }
    }
    // The work doubles with each step of the cost. So the comparison above and one at each missing step add up to the
    // work at today's cost: 2^c + (2^c + 2^(c+1) + … + 2^(C-1)) = 2^C.
    for (let missing = storedCost; missing < cost; missing += 1) await compareWithNothing(missing)
    return { ok: false }
  }
}

/**
 * Password hashes: `<pepper id>$2b$<cost>$…`. bcrypt gets base64(HMAC-SHA-384(pepper, password)), because it only reads 72
 * bytes itself and all of a long password should count (OWASP Password Storage, “pre-hashing”).
 *
 * Hashes that were moved in from another program: `<pepper id>.<the hash, encrypted>`. Some are weak, and this way the table
 * alone lets nobody guess at them either. A login replaces them.
 */
import { createHmac } from 'node:crypto'
import bcrypt from 'bcrypt'
import { sha256 } from '../../base/digest.ts'
import type { Meter } from '../../base/meter.ts'
import { open, seal } from '../../base/sealing.ts'
import { canCheck, foreignHash } from './foreign-hashes.ts'
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
/** The pepper's id, and a foreign hash, sealed. */
const STORED_FOREIGN = /^([\w-]{8})\.([\w-]+)$/
const FOREIGN = 'foreign hash'

/** bcrypt's work doubles with each step of the cost. */
const unitsAt = (cost: number): number => 2 ** Math.min(COST_MAX, cost)

type Verdict = { ok: false } | { ok: true; outdated: boolean }

/** How to check a password against a stored hash. `storedCost` is that of bcrypt, undefined for another scheme. */
type Check = { jobFor: (password: string) => HashingJob; storedCost: number | undefined; outdated: boolean }

export function createPasswords({
  cost,
  peppers,
  atOnce,
  others,
  meter,
}: {
  cost: number
  peppers: readonly Buffer[]
  atOnce: number
  others?: OtherLines | undefined
  meter?: Meter | undefined
}) {
  const keys = new Map(peppers.map((pepper) => [sha256(pepper).slice(0, 8), pepper]))
  const [newest = ''] = keys.keys()
  const queue = createHashQueue({ threads: atOnce, others, meter })
  const units = unitsAt(cost)

  const digest = (password: string, pepper: Buffer | string) =>
    createHmac('sha384', pepper).update(password.normalize('NFC')).digest('base64')

  const sealingKey = (pepper: Buffer) => createHmac('sha256', pepper).update(FOREIGN).digest()

  /** Does a job of bcrypt at this cost, and lets the line know what it took. */
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

  /** Undefined if no password can match: not a hash, one whose pepper is gone, or one that would take hours. */
  function checkOf(stored: string | null | undefined): Check | undefined {
    const [, keyId = '', hash = '', digits = ''] = STORED.exec(stored ?? '') ?? []
    const pepper = keys.get(keyId)
    if (pepper === undefined) return foreignCheckOf(stored ?? '')
    const storedCost = Number(digits)
    if (storedCost < COST_MIN || storedCost > COST_MAX) return undefined
    const outdated = keyId !== newest || storedCost !== cost
    return { jobFor: (password) => ({ text: digest(password, pepper), hash }), storedCost, outdated }
  }

  function foreignCheckOf(stored: string): Check | undefined {
    const opened = openForeign(stored)
    const foreign = opened === undefined ? undefined : foreignHash(opened)
    if (foreign === undefined || !canCheck(foreign)) return undefined
    const { textOf, bcrypt: hash, derived } = foreign
    if (derived)
      return { jobFor: (password) => ({ text: textOf(password), derived }), storedCost: undefined, outdated: true }
    return { jobFor: (password) => ({ text: textOf(password), hash }), storedCost: foreign.cost, outdated: true }
  }

  /** The hash as another program wrote it; undefined if this is none, or its pepper is gone. */
  function openForeign(stored: string): string | undefined {
    const [, keyId = '', sealed = ''] = STORED_FOREIGN.exec(stored) ?? []
    const pepper = keys.get(keyId)
    return pepper && open(sealed, FOREIGN, [sealingKey(pepper)])?.secret.toString()
  }

  function sealForeign(hash: string): string | undefined {
    const pepper = keys.get(newest)
    return pepper && `${newest}.${seal(Buffer.from(hash), FOREIGN, [sealingKey(pepper)])}`
  }

  return {
    /**
     * A place in the line in front of bcrypt, for whoever has to do something else first, and for so many hashes.
     * @throws {Busy} when it would wait too long, {ClientGone} when nobody wants it any more.
     */
    keepPlace: (place?: Place, hashes?: number): Reservation => queue.keepPlace(units, place, hashes),

    /** How full the line is. */
    load: queue.load,

    /** Learns from another process whom it has sent away, or let in. */
    hear: (news: PlaceNews): void => queue.hear(news),

    /** Whether any password can match this hash. */
    canMatch: (stored: string): boolean => checkOf(stored) !== undefined,

    /**
     * What is stored for a hash that another program has made, or that a site with the same secrets has. Undefined if no
     * password could match it here.
     */
    takeOver(hash: string): string | undefined {
      if (STORED.test(hash)) return checkOf(hash) && hash
      const foreign = foreignHash(hash)
      return foreign === undefined || !canCheck(foreign) ? undefined : sealForeign(hash)
    },

    /** A foreign hash under the newest secret. Undefined for one that is, one that no secret opens, and one of ours. */
    sealAnew(stored: string): string | undefined {
      const hash = stored.startsWith(`${newest}.`) ? undefined : openForeign(stored)
      return hash && sealForeign(hash)
    },

    /** Why `takeOver` does not take it. */
    whyNot(hash: string): 'other-secrets' | 'argon2-missing' | 'unknown-hash' {
      if (STORED.test(hash)) return 'other-secrets'
      return foreignHash(hash) === undefined ? 'unknown-hash' : 'argon2-missing'
    },

    /** What another site can take over: a foreign hash as it came, or ours as it is, which needs its pepper. */
    handOver: (stored: string): string => openForeign(stored) ?? stored,

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
    const check = checkOf(stored)
    if (check === undefined) {
      await compareWithNothing(cost)
      return { ok: false }
    }
    const { jobFor, storedCost, outdated } = check
    if (storedCost === undefined) return verifyDerived(jobFor(password))
    if (await done(jobFor(password), storedCost)) return { ok: true, outdated }
    // The work doubles with each step of the cost. So the comparison above and one at each missing step add up to the
    // work at today's cost: 2^c + (2^c + 2^(c+1) + … + 2^(C-1)) = 2^C.
    for (let missing = storedCost; missing < cost; missing += 1) await compareWithNothing(missing)
    return { ok: false }
  }

  /** The work of other schemes is not counted like bcrypt's, so a refusal is filled up by the time it took. */
  async function verifyDerived(job: HashingJob): Promise<Verdict> {
    const { value, milliseconds } = await hashingThreads.run(job)
    if (value) return { ok: true, outdated: true }
    let left = queue.expectedMs(units) - milliseconds
    for (let step = cost - 1; step >= COST_MIN; step -= 1) {
      const takes = queue.expectedMs(unitsAt(step))
      if (takes > left) continue
      left -= takes
      await compareWithNothing(step)
    }
    return { ok: false }
  }
}

/**
 * The signing keys as one process holds them. They are read again when they are used, once a minute at most, and never by
 * a timer: a database that sleeps when idle must stay asleep. While the database is away, the last reading serves.
 */
import type { KeyObject } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../base/log.ts'
import { seal } from '../base/sealing.ts'
import type { Sql } from '../database/database.ts'
import { prune } from '../database/pruning.ts'
import {
  asJwk,
  createSigningKey,
  currentOf,
  type HeldKey,
  isUsable,
  listSigningKeys,
  OLD_SIGNING_KEYS,
  openKey,
  PUBLISHED_AFTER_MS,
  PUBLISHED_BEFORE_MS,
  publishedUntil,
  type SigningKey,
  signerOf,
  startSigningWith,
  stateOf,
  stopSigningWith,
  withdrawSigningKey,
} from './signing-keys.ts'

const READ_AGAIN_AFTER_MS = 60_000
/** The pause between two readings because of an unknown key. Anybody can make such a token up, so not more often. */
const UNKNOWN_KEY_PAUSE_MS = 5_000
/** The longest wait for newer keys. After it, whoever asks for the public keys gets those of the last reading. */
const PATIENCE_MS = 1_000
/** A key that ends sooner than this needs a follower now, made by this process. */
const SUCCESSION_MS = PUBLISHED_AFTER_MS - READ_AGAIN_AFTER_MS
/** How much the clocks of two instances may differ. */
const SKEW_MS = 60_000
const PRUNED_AT_MOST = 1_000
const DAY = 24 * 60 * 60_000

type Held = { keys: HeldKey[]; jwks: { keys: object[] } }

/** A command was given with other secrets than those of the server. */
export class OtherSecrets extends Error {}

export type KeyRing = ReturnType<typeof createKeyRing>
export type Retirement =
  | { ok: true; outcome: 'called-off' | 'stopped' | 'withdrawn' }
  | { ok: false; reason: 'unknown' | 'no-other-key' }

type Parts = { sql: Sql; log: Log; now: () => number; secrets: readonly Buffer[]; rotationDays: number }

export function createKeyRing({ sql, log, now, secrets, rotationDays }: Parts) {
  let held: Held | undefined
  let reading: Promise<Held> | undefined
  let triedAt = Number.NEGATIVE_INFINITY
  /** Keys that cannot be opened. Each is logged once. */
  const toldOf = new Set<string>()
  const sealing = (secret: Buffer, kid: string) => seal(secret, kid, secrets)

  const mint = (keys: readonly SigningKey[], signsFrom: number) =>
    createSigningKey(sql, { generation: 1 + Math.max(0, ...keys.map((key) => key.generation)), signsFrom }, sealing)

  function hold(key: SigningKey): HeldKey {
    const held = openKey(key, secrets)
    if (!isUsable(held) && !toldOf.has(key.kid)) {
      log.error({ kid: key.kid }, 'no secret of APP_SECRETS opens this signing key: it stays published, others sign')
      toldOf.add(key.kid)
    }
    return held
  }

  async function read(): Promise<HeldKey[]> {
    return (await listSigningKeys(sql, now())).map(hold)
  }

  /**
   * Reads all keys, and makes one if there is none, if all are older than the rotation period, or if none will last. A key
   * does not last when another instance's key will soon replace it, or when it is sealed with an old secret. It is not
   * sealed again with the new one, because instances that only have the old secret could then not open it.
   */
  async function ensure(): Promise<Held> {
    const keys = await read()
    const usable = keys.filter(isUsable)
    const young = usable.some(({ signsFrom }) => signsFrom.getTime() > now() - rotationDays * DAY)
    const lasting = usable.some(
      (key) => !key.outdated && (publishedUntil(key, keys) ?? Number.POSITIVE_INFINITY) > now() + SUCCESSION_MS,
    )
    if (signerOf(usable, now()) === undefined) await mint(keys, now())
    else if (!young || !lasting) await mint(keys, now() + PUBLISHED_BEFORE_MS)
    else return { keys, jwks: { keys: keys.map(asJwk) } }
    log.info('made a signing key')
    return ensure()
  }

  /** All keys, for the operator's commands; makes none. @throws {OtherSecrets} */
  async function inspect(): Promise<HeldKey[]> {
    const keys = await read()
    if (keys.length > 0 && !keys.some(isUsable)) {
      throw new OtherSecrets('These APP_SECRETS open none of the keys. Run this with the settings of the server.')
    }
    return keys
  }

  /** Reads again and holds the result. All who ask in the meantime share one reading. */
  function load(): Promise<Held> {
    triedAt = now()
    reading ??= ensure()
      .then((ensured) => {
        held = ensured
        return ensured
      })
      .finally(() => {
        reading = undefined
      })
    return reading
  }

  /**
   * The keys that are held. If they are older than a minute they are read again first; if that fails or takes longer than
   * `patience` (in milliseconds), the old ones are returned.
   */
  async function recent(patience?: number, readAgainAfter = READ_AGAIN_AFTER_MS): Promise<Held> {
    const known = held
    if (known === undefined) return load()
    // The age is negative after the clock was set back. Then read again too.
    const age = now() - triedAt
    if (age >= 0 && age < readAgainAfter) return known
    const newer = load().catch((error: unknown) => {
      log.warn({ err: error }, 'signing keys not read again')
      return known
    })
    return patience === undefined ? newer : Promise.race([newer, sleep(patience, known, { ref: false })])
  }

  return {
    load,

    /** The key to sign with. @throws {Unavailable} before the first reading, while the database is away. */
    async current(): Promise<{ kid: string; privateKey: KeyObject }> {
      const key = signerOf((await recent()).keys.filter(isUsable), now())
      if (key?.privateKey === undefined) throw new Error('There is no key to sign with')
      return { kid: key.kid, privateKey: key.privateKey }
    },

    /** The public half of a published key. */
    async find(kid: string): Promise<KeyObject | undefined> {
      const known = (await recent(PATIENCE_MS)).keys.find((key) => key.kid === kid)
      if (known !== undefined || now() - triedAt < UNKNOWN_KEY_PAUSE_MS) return known?.publicKey
      // Another instance may have made this key just now, in place of one that was withdrawn.
      return (await recent(PATIENCE_MS, UNKNOWN_KEY_PAUSE_MS)).keys.find((key) => key.kid === kid)?.publicKey
    },

    /** The published keys (RFC 7517). The same object is returned until they change. */
    async jwks(): Promise<{ keys: object[] }> {
      return (await recent(PATIENCE_MS)).jwks
    },

    /** Every key with its state, oldest first, for the operator. */
    async list() {
      const keys = await inspect()
      return keys.map((key) => ({ key, keys, state: stateOf(key, keys, now()), opened: isUsable(key) }))
    },

    /** Publishes a key that starts signing in 15 minutes. Returns undefined when one is waiting already. */
    async rotate(): Promise<{ signsFrom: Date } | undefined> {
      const known = await inspect()
      const keys = known.length > 0 ? known : (await load()).keys
      if (keys.some((key) => stateOf(key, keys, now()) === 'next')) return undefined
      const signsFrom = now() + PUBLISHED_BEFORE_MS
      await mint(keys, signsFrom)
      return { signsFrom: new Date(signsFrom) }
    },

    /**
     * Ends a key. A key that waits is called off; when the signing key ends, the key before it signs again, as long as it
     * is published. `immediately` is for a stolen key: its tokens are refused at once, and another key starts signing.
     */
    async retire(kid: string, { immediately = false } = {}): Promise<Retirement> {
      // When a key is retired, an older one may sign again. It must not be one whose time is over.
      await prune(sql, OLD_SIGNING_KEYS, now(), PRUNED_AT_MOST)
      const keys = await inspect()
      const key = keys.find((one) => one.kid === kid)
      if (key === undefined) return { ok: false, reason: 'unknown' }
      const others = keys.filter((one) => one !== key && isUsable(one))
      const state = stateOf(key, keys, now())
      // Close to its start, a key may already be signing in an instance that read it a minute ago. Then it must stay
      // published, so it is stopped and not called off.
      const isFarOff = key.signsFrom.getTime() > now() + READ_AGAIN_AFTER_MS + SKEW_MS
      if (state === 'next' && (isFarOff || immediately)) {
        await withdrawSigningKey(sql, kid)
        return { ok: true, outcome: 'called-off' }
      }
      if (state === 'current' && currentOf(others, now()) === undefined) {
        if (!immediately) return { ok: false, reason: 'no-other-key' }
        // First make sure that another key signs, then end this one. If the command breaks off, it can be given again.
        const next = others.find((one) => stateOf(one, keys, now()) === 'next')
        await (next ? startSigningWith(sql, next.kid, now()) : mint(keys, now()))
      }
      const stops = Math.min(now(), (publishedUntil(key, keys) ?? Number.POSITIVE_INFINITY) - PUBLISHED_AFTER_MS)
      const stoppedAt = state === 'next' ? key.signsFrom.getTime() : stops
      await (immediately ? withdrawSigningKey(sql, kid) : stopSigningWith(sql, kid, stoppedAt))
      return { ok: true, outcome: immediately ? 'withdrawn' : 'stopped' }
    },
  }
}

/**
 * The signing keys as one process holds them. They are read again when they are used and a minute has passed, never by a
 * timer, so that a database that sleeps stays asleep; and what was read last serves while the database is away.
 */
import type { KeyObject } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Sql } from '../db.ts'
import type { Log } from '../log.ts'
import { asJwk, type HeldKey, isUsable, openKey } from './held-keys.ts'
import { seal } from './sealing.ts'
import {
  createSigningKey,
  currentOf,
  listSigningKeys,
  PUBLISHED_AFTER_MS,
  PUBLISHED_BEFORE_MS,
  pruneSigningKeys,
  publishedUntil,
  type SigningKey,
  signerOf,
  startSigningWith,
  stateOf,
  stopSigningWith,
  withdrawSigningKey,
} from './signing-keys.ts'

const READ_AGAIN_AFTER_MS = 60_000
/** For a token of an unknown key; anybody can make one up, so not more often. */
const UNKNOWN_KEY_PAUSE_MS = 5_000
/** Nobody who asks for public keys waits longer than this for newer ones. */
const PATIENCE_MS = 1_000
/** A key that goes sooner than this is followed by one of our own in time. */
const SUCCESSION_MS = PUBLISHED_AFTER_MS - READ_AGAIN_AFTER_MS
/** Clocks of two instances may differ by this much. */
const SKEW_MS = 60_000
const PRUNED_AT_MOST = 1_000
const DAY = 24 * 60 * 60_000

type Held = { keys: HeldKey[]; jwks: { keys: object[] } }

export type KeyRing = ReturnType<typeof createKeyRing>
export type Retirement =
  | { ok: true; outcome: 'called-off' | 'stopped' | 'withdrawn' }
  | { ok: false; reason: 'unknown' | 'no-other-key' }

export function createKeyRing({
  sql,
  log,
  now,
  secrets,
  rotationDays,
}: {
  sql: Sql
  log: Log
  now: () => number
  secrets: readonly Buffer[]
  rotationDays: number
}) {
  let held: Held | undefined
  let reading: Promise<Held> | undefined
  let triedAt = Number.NEGATIVE_INFINITY
  /** Keys that cannot be opened, each named in the log once. */
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
   * Reads all keys, and makes one that is wanting: the first, and the next when none is young, or none will last: each is
   * about to be driven out by another instance's, or sealed under a secret that is not the newest any more. Sealing it
   * anew instead would take it from an instance that has only the old secret yet.
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

  /** For the operator: never makes a key by itself. @throws when these settings are not the server's. */
  async function inspect(): Promise<HeldKey[]> {
    const keys = await read()
    if (keys.length > 0 && !keys.some(isUsable)) {
      throw new Error('These APP_SECRETS open none of the keys. Run this with the settings of the server.')
    }
    return keys
  }

  /** Reads again and keeps what was read; one reading serves all who ask meanwhile. */
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

  /** What is held, read again first when it is a minute old; as it was when that fails or takes longer than `patience`. */
  async function recent(patience?: number, readAgainAfter = READ_AGAIN_AFTER_MS): Promise<Held> {
    const known = held
    if (known === undefined) return load()
    // A clock that was set back makes the last reading one of the future: then it is time as well.
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
      // Another instance may have made it in haste, for one that was withdrawn.
      return (await recent(PATIENCE_MS, UNKNOWN_KEY_PAUSE_MS)).keys.find((key) => key.kid === kid)?.publicKey
    },

    /** The published keys (RFC 7517), the same object until something changes. */
    async jwks(): Promise<{ keys: object[] }> {
      return (await recent(PATIENCE_MS)).jwks
    },

    /** For the operator: every key with its state, oldest first. */
    async list() {
      const keys = await inspect()
      return keys.map((key) => ({ key, keys, state: stateOf(key, keys, now()), opened: isUsable(key) }))
    },

    /** Publishes a key that signs in a while. Undefined when one is waiting already. */
    async rotate(): Promise<{ signsFrom: Date } | undefined> {
      const known = await inspect()
      const keys = known.length > 0 ? known : (await load()).keys
      if (keys.some((key) => stateOf(key, keys, now()) === 'next')) return undefined
      const signsFrom = now() + PUBLISHED_BEFORE_MS
      await mint(keys, signsFrom)
      return { signsFrom: new Date(signsFrom) }
    },

    /**
     * Ends a key. One that waits is called off; one that signs hands back to the key before it, as long as that is
     * published. `immediately` is for a key that was stolen: its tokens die with it, and another key signs at once.
     */
    async retire(kid: string, { immediately = false } = {}): Promise<Retirement> {
      // A key whose time is over must not come back with the retirement of the one that followed it.
      await pruneSigningKeys(sql, now(), PRUNED_AT_MOST)
      const keys = await inspect()
      const key = keys.find((one) => one.kid === kid)
      if (key === undefined) return { ok: false, reason: 'unknown' }
      const others = keys.filter((one) => one !== key && isUsable(one))
      const state = stateOf(key, keys, now())
      // An instance may take a key that is about to sign from what it has read a minute ago: then it stays published.
      const isFarOff = key.signsFrom.getTime() > now() + READ_AGAIN_AFTER_MS + SKEW_MS
      if (state === 'next' && (isFarOff || immediately)) {
        await withdrawSigningKey(sql, kid)
        return { ok: true, outcome: 'called-off' }
      }
      if (state === 'current' && currentOf(others, now()) === undefined) {
        if (!immediately) return { ok: false, reason: 'no-other-key' }
        // First the heir, then the end: broken off in between, the command can be given again.
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

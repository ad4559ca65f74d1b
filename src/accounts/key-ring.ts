/**
 * The signing keys as one process holds them. They are read again when they are used and a minute has passed, never by a
 * timer, so that a database that sleeps stays asleep; and what was read last serves while the database is away.
 */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Sql } from '../db.ts'
import type { Log } from '../log.ts'
import { open, seal } from './sealing.ts'
import {
  createSigningKey,
  currentOf,
  listSigningKeys,
  PUBLISHED_BEFORE_MS,
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
const DAY = 24 * 60 * 60_000

type HeldKey = SigningKey & {
  publicKey: KeyObject
  /** Undefined when no secret opens it. */
  privateKey: KeyObject | undefined
  outdated: boolean
}
type Held = { keys: HeldKey[]; jwks: { keys: object[] }; readAt: number }

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
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: key.x }
    const publicKey = createPublicKey({ key: jwk, format: 'jwk' })
    const opened = open(key.sealed, key.kid, secrets)
    if (opened === undefined) {
      if (!toldOf.has(key.kid))
        log.error({ kid: key.kid }, 'no secret of APP_SECRETS opens this signing key: it stays published, others sign')
      toldOf.add(key.kid)
      return { ...key, publicKey, privateKey: undefined, outdated: true }
    }
    const d = opened.secret.toString('base64url')
    const privateKey = createPrivateKey({ key: { ...jwk, d }, format: 'jwk' })
    return { ...key, publicKey, privateKey, outdated: opened.outdated }
  }

  /**
   * Reads all keys; makes the first one, and the next one when the newest has signed for its days or is sealed under a
   * secret that is not the newest any more. Sealing it anew instead would take it from an instance that has only the old
   * secret yet.
   */
  async function read(): Promise<Held> {
    const rows = await listSigningKeys(sql, now())
    const keys = rows.map(hold)
    const usable = keys.filter(isUsable)
    const due = now() - rotationDays * DAY
    if (signerOf(usable, now()) === undefined) await mint(rows, now())
    else if (usable.every(({ signsFrom, outdated }) => outdated || signsFrom.getTime() <= due)) {
      await mint(rows, now() + PUBLISHED_BEFORE_MS)
    } else return { keys, jwks: { keys: keys.map(asJwk) }, readAt: now() }
    log.info('made a signing key')
    return read()
  }

  /** Reads again and keeps what was read; one reading serves all who ask meanwhile. */
  function load(): Promise<Held> {
    triedAt = now()
    reading ??= read()
      .then((read) => {
        held = read
        return read
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
    if (now() - triedAt < readAgainAfter) return known
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
      const { keys } = await load()
      return keys.map((key) => ({ key, keys, state: stateOf(key, keys, now()) }))
    },

    /** Publishes a key that signs in a while. Undefined when one is waiting already. */
    async rotate(): Promise<{ signsFrom: Date } | undefined> {
      const { keys } = await load()
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
      const { keys } = await load()
      const key = keys.find((one) => one.kid === kid)
      if (key === undefined) return { ok: false, reason: 'unknown' }
      const others = keys.filter((one) => one !== key && isUsable(one))
      const state = stateOf(key, keys, now())
      if (state === 'next') {
        await withdrawSigningKey(sql, kid)
        return { ok: true, outcome: 'called-off' }
      }
      if (state === 'current' && currentOf(others, now()) === undefined) {
        if (!immediately) return { ok: false, reason: 'no-other-key' }
        // First the heir, then the end: broken off in between, the command can be given again.
        const next = others.find((one) => stateOf(one, keys, now()) === 'next')
        await (next ? startSigningWith(sql, next.kid, now()) : mint(keys, now()))
      }
      await (immediately ? withdrawSigningKey(sql, kid) : stopSigningWith(sql, kid, now()))
      return { ok: true, outcome: immediately ? 'withdrawn' : 'stopped' }
    },
  }
}

const isUsable = ({ privateKey }: HeldKey): boolean => privateKey !== undefined

/** Named member by member, so that the private half can never be among them. */
const asJwk = ({ kid, x }: HeldKey) => ({ kty: 'OKP', crv: 'Ed25519', x, kid, alg: 'EdDSA', use: 'sig' })

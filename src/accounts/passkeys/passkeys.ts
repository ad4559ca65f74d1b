/** The passkeys of an account: adding, naming and removing them. */
import { randomBytes } from 'node:crypto'
import { generateRegistrationOptions, verifyRegistrationResponse } from '@simplewebauthn/server'
import { newId } from '../../base/ids.ts'
import type { Sql } from '../../database/database.ts'
import { fragment } from '../../database/fragments.ts'
import { isUniqueViolation } from '../../database/outages.ts'
import type { Deps } from '../../deps.ts'
import type { TooManyTries } from '../../limits/rate-limits.ts'
import { mailed } from '../../mail/outbox.ts'
import { passkeyAdded, passkeyRemoved } from '../../mail/passkey-notices.ts'
import { type Device, noted } from '../activity.ts'
import { noticeTo } from '../links/not-me.ts'
import { noticeFor } from '../second-step/second-steps.ts'
import type { User } from '../users.ts'
import { newChallenge, readChallenge, spent } from './challenges.ts'
import { challengeIn, isFramed, type Registration, relyingParty } from './credentials.ts'

/** More would hardly be anybody's own. */
export const PASSKEYS_MAX = 10
const HANDLE_BYTES = 32
/** Ed25519, ECDSA with P-256, RSA with PKCS #1: what authenticators have (RFC 9053, RFC 8812). */
const ALGORITHMS = [-8, -7, -257]

export type Passkey = {
  id: string
  userId: string
  credentialId: string
  publicKey: string
  signCount: number
  name: string
  transports: string[]
  /** Whether it may be on several devices, and whether it has a copy. */
  backupEligible: boolean
  backedUp: boolean
  aaguid: string
  createdAt: Date
  usedAt: Date | null
}

/** The oldest first. */
export const listPasskeys = (sql: Sql, userId: string): Promise<Passkey[]> => sql<Passkey>`
  select id, user_id, credential_id, public_key, sign_count, name, transports, backup_eligible, backed_up, aaguid, created_at, used_at
  from passkeys where user_id = ${userId} order by created_at, id`

/** What a browser needs to make a passkey for this account. Undefined when the account is gone. */
export async function optionsToAdd(deps: Deps, user: User, browser: string) {
  const { sql, config } = deps
  const [owner] = await sql<{ handle: string; passwordVersion: number }>`
    with learner as (
      select id, password_version from users where id = ${user.id} for key share
    ), named as (
      insert into passkey_handles (user_id, handle)
      select id, ${randomBytes(HANDLE_BYTES).toString('base64url')} from learner
      on conflict (user_id) do update set user_id = excluded.user_id
      returning handle
    )
    select handle, password_version from named, learner`
  if (owner === undefined) return undefined
  const { id: rpID, name: rpName } = relyingParty(config)
  const { passwordVersion } = owner
  return generateRegistrationOptions({
    rpName,
    rpID,
    userName: user.email,
    userDisplayName: user.name,
    userID: new Uint8Array(Buffer.from(owner.handle, 'base64url')),
    challenge: new Uint8Array(
      Buffer.from(newChallenge(deps, browser, { kind: 'add', userId: user.id, passwordVersion })),
    ),
    timeout: 300_000,
    attestationType: 'none',
    excludeCredentials: (await listPasskeys(sql, user.id)).map(({ credentialId }) => ({ id: credentialId })),
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    supportedAlgorithmIDs: ALGORITHMS,
  })
}

type New = { registration: Registration; browser: string; name: string; device: Device }
type Added =
  | { ok: true; passkey: Passkey }
  | { ok: false; reason: 'refused' | 'over' | 'known' | 'too-many' }
  | TooManyTries

/**
 * Adds what a browser has made. `over`: its challenge is not one of ours for this account and browser, or was answered before, or is
 * more than five minutes old. `refused`: not for this site, or without a check of who holds the authenticator. `known`: it was added before. Harmless when the account is gone.
 */
export async function addPasskey(deps: Deps, user: User, { registration, browser, name, device }: New): Promise<Added> {
  const { sql, mail, config } = deps
  const [owner] = await sql<{ passwordVersion: number }>`select password_version from users where id = ${user.id}`
  if (owner === undefined) return { ok: false, reason: 'over' }
  const { passwordVersion } = owner
  const purpose = { kind: 'add', userId: user.id, passwordVersion } as const
  const challenge = readChallenge(deps, challengeIn(registration), browser, purpose)
  if (challenge === undefined) return { ok: false, reason: 'over' }
  if (isFramed(registration)) return { ok: false, reason: 'refused' }
  const { origin, id: rpID } = relyingParty(config)
  const { verified, registrationInfo: made } = await verifyRegistrationResponse({
    response: registration,
    expectedChallenge: challengeIn(registration),
    expectedOrigin: origin,
    expectedRPID: rpID,
    requireUserVerification: true,
    supportedAlgorithmIDs: ALGORITHMS,
  }).catch(() => ({ verified: false, registrationInfo: undefined }) as const)
  if (!verified || made === undefined) return { ok: false, reason: 'refused' }
  // Its notice is always sent, so that nobody can use up the notices of the hour first; the limit is here instead.
  const count = await deps.rateLimits.count('passkeysByUser', user.id)
  if (!count.ok) return count
  const at = new Date(deps.now())
  const letter = (link: string) => passkeyAdded(user.email, { name, link })
  const notice = mail.enabled ? noticeTo(deps, { email: user.email, now: at.getTime(), letter }) : undefined
  // Several at the same moment may make a few too many, which harms nobody.
  const [row] = await sql<Passkey & { added: boolean }>`
    with learner as (
      select id, password_version from users where id = ${user.id} and password_version = ${passwordVersion} for key share
    ), spent as (
      ${spent(challenge)}
    ), added as (
      insert into passkeys (id, user_id, credential_id, public_key, sign_count, name, transports, backup_eligible, backed_up,
        aaguid, created_at)
      select ${newId()}, id, ${made.credential.id}, ${Buffer.from(made.credential.publicKey).toString('base64url')},
        ${made.credential.counter}::bigint, ${name}, ${registration.response.transports}::text[],
        ${made.credentialDeviceType === 'multiDevice'}::boolean, ${made.credentialBackedUp}::boolean, ${made.aaguid}, ${at}::timestamptz
      from learner
      where exists (select 1 from spent) and (select count(*) from passkeys where user_id = ${user.id}) < ${PASSKEYS_MAX}::int
      returning *
    ), changed as (
      select id, password_version from learner where exists (select 1 from added)
    ), notice as (
      ${notice ? notice.linkedTo('changed') : fragment`select`}
    ), noted as (
      ${noted('passkey-added', 'changed', { device, now: at.getTime() })}
    ), mailed as (
      ${mailed([notice?.row, fragment`from changed`])}
    )
    select * from added`.catch((error: unknown) => {
    if (isUniqueViolation(error)) return ['known'] as const
    throw error
  })
  if (row === 'known') return { ok: false, reason: 'known' }
  if (row === undefined) {
    const { length } = await listPasskeys(sql, user.id)
    return { ok: false, reason: length >= PASSKEYS_MAX ? 'too-many' : 'over' }
  }
  mail.wake()
  return { ok: true, passkey: row }
}

/** Gives a passkey of this account another name. Returns it, or undefined if there is none of this id. */
export async function renamePasskey(
  sql: Sql,
  userId: string,
  { id, name }: { id: string; name: string },
): Promise<Passkey | undefined> {
  // PostgreSQL takes no NUL in a text.
  if (id.includes('\0')) return undefined
  const [passkey] = await sql<Passkey>`
    update passkeys set name = ${name} where id = ${id} and user_id = ${userId} returning *`
  return passkey
}

/** `last-way-in`: without a password nobody could log in to the account any more. `unknown`: there is none of this id. */
type Removed = { ok: true } | { ok: false; reason: 'unknown' | 'last-way-in' }

/** Removes a passkey of this account. Sessions that it has begun stay, as its owner sees them in the list of devices. */
export async function removePasskey(
  deps: Deps,
  user: User,
  { id, device }: { id: string; device: Device },
): Promise<Removed> {
  const { sql, mail } = deps
  const passkey = (await listPasskeys(sql, user.id)).find((one) => one.id === id)
  if (passkey === undefined) return { ok: false, reason: 'unknown' }
  const notice = await noticeFor(deps, user, (link) => passkeyRemoved(user.email, { name: passkey.name, link }))
  // Of two removals at the same moment the second one must not count what the first removes: so it counts rows that it has locked.
  const changed = await sql`
    with learner as (
      select id, password_version, password_hash from users where id = ${user.id} for update
    ), held as (
      select id from passkeys where user_id in (select id from learner) order by id for update
    ), removed as (
      delete from passkeys where id = ${id} and user_id in (select id from learner) and (
        exists (select 1 from learner where password_hash is not null) or exists (select 1 from held where held.id <> ${id})
      )
      returning user_id as id
    ), changed as (
      select id, password_version from learner where exists (select 1 from removed)
    ), notice as (
      ${notice ? notice.linkedTo('changed') : fragment`select`}
    ), noted as (
      ${noted('passkey-removed', 'changed', { device, now: deps.now() })}
    ), mailed as (
      ${mailed([notice?.row, fragment`from changed`])}
    )
    select id from changed`
  if (changed.length === 0) {
    const isThere = (await listPasskeys(sql, user.id)).some((one) => one.id === id)
    return { ok: false, reason: isThere ? 'last-way-in' : 'unknown' }
  }
  mail.wake()
  return { ok: true }
}

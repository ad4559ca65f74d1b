/** Moving people in, from whatever source, in batches of one statement each. */

import type { createPasswords } from '../accounts/passwords/password-hashing.ts'
import { isOpened } from '../accounts/second-step/sealed-secrets.ts'
import type { Sql } from '../database/database.ts'
import type { Deps } from '../deps.ts'
import { type Arrival, arrival, mailboxOf } from './arrivals.ts'
import type { Sourced } from './jsonl.ts'
import { emptyReport, type LeftOut, type Note, type Report } from './report.ts'
import { addPeople, type NewRow, rowOf, type Standing, standingsOf } from './rows.ts'

const BATCH = 500

/** PostgreSQL's texts hold neither U+0000 nor half a surrogate pair, and one of them would refuse the whole batch. */
const UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/i

type Passwords = ReturnType<typeof createPasswords>
type Settings = {
  now: () => number
  /** Finds out what would become of each, and changes nothing. */
  dryRun?: boolean
  /** Takes people whose hash cannot be checked here without a password. */
  withoutPassword?: boolean
  onProgress?: (read: number) => void
}

type Candidate = { place: string; person: Arrival; row: NewRow }

/**
 * Moves in whoever is not here yet, and says what became of each. It can be repeated: who is here by their address stays as
 * they are. Nobody gets a session or a mail.
 * @throws {Unavailable} when the database is out of reach; what was moved in before stays.
 */
export async function moveIn(
  { sql, passwords, secondStepKeys }: Pick<Deps, 'secondStepKeys'> & { sql: Sql; passwords: Passwords },
  source: AsyncIterable<Sourced>,
  { now, dryRun = false, withoutPassword = false, onProgress = () => {} }: Settings,
): Promise<Report> {
  const report = emptyReport()
  const places = {
    addresses: new Map<string, string>(),
    ids: new Map<string, string>(),
    mailboxes: new Map<string, string>(),
  }
  const leaveOut = (place: string, reason: LeftOut, detail?: string) => {
    report.leftOut += 1
    report.entries.push({ place, outcome: 'left-out', reason, ...(detail ? { detail } : {}) })
  }
  const note = (place: string, reason: Note, detail?: string) =>
    report.entries.push({ place, outcome: 'noted', reason, ...(detail ? { detail } : {}) })

  /** Whether this is somebody who can be taken, as far as the source itself shows. */
  function candidateOf(sourced: Sourced): Candidate | undefined {
    const { place, person: given } = sourced
    if (given === undefined) return void leaveOut(place, 'unreadable', sourced.why)
    if (given.blocked) return void leaveOut(place, 'blocked')
    const held = arrival(given)
    if (!held.ok) return void leaveOut(place, 'against-a-rule', held.why)
    const { arrival: person } = held
    const before = places.addresses.get(person.email)
    if (before !== undefined) return void leaveOut(place, 'same-address', before)
    const idBefore = places.ids.get(person.id)
    if (idBefore !== undefined) return void leaveOut(place, 'id-taken', idBefore)
    const hash = hashOf(person.passwordHash, passwords)
    if (!hash.ok && !withoutPassword) return void leaveOut(place, hash.reason)
    const { secondStep } = person
    // Without it the account would be open to whoever has the password alone, and with it to nobody.
    if (secondStep && !isOpened(secondStep.sealed, person.id, secondStepKeys))
      return void leaveOut(place, 'second-step-of-others')
    const passwordHash = hash.ok ? hash.stored : null
    const row = rowOf({ ...person, passwordHash }, now())
    if (UNSTORABLE.test(JSON.stringify(row)))
      return void leaveOut(place, 'against-a-rule', 'a text that cannot be stored')
    places.addresses.set(person.email, place)
    places.ids.set(person.id, place)
    return { place, person: { ...person, passwordHash }, row }
  }

  function take({ place, person }: Candidate): void {
    report.taken += 1
    if (person.passwordHash === null) note(place, 'no-password')
    if (!person.isNamed) note(place, 'no-name')
    const mailbox = mailboxOf(person.email)
    const before = places.mailboxes.get(mailbox)
    if (before === undefined) places.mailboxes.set(mailbox, place)
    else note(place, 'same-mailbox', before)
  }

  async function settle(batch: readonly Candidate[]): Promise<void> {
    const created = dryRun
      ? new Set<string>()
      : await addPeople(
          sql,
          batch.map(({ row }) => row),
        )
    const others = batch.filter(({ row }) => !created.has(row.id))
    const standings =
      others.length === 0
        ? new Map<string, Standing>()
        : await standingsOf(
            sql,
            others.map(({ row }) => row),
          )
    for (const candidate of batch) {
      const standing = standings.get(candidate.row.id)
      const hindrance = standing && hindranceOf(candidate, standing)
      if (hindrance === 'already') report.already += 1
      else if (hindrance !== undefined) leaveOut(candidate.place, hindrance)
      else if (dryRun || created.has(candidate.row.id)) take(candidate)
      else leaveOut(candidate.place, 'just-changed')
    }
    onProgress(report.read)
  }

  let batch: Candidate[] = []
  for await (const sourced of source) {
    report.read += 1
    const candidate = candidateOf(sourced)
    if (candidate) batch.push(candidate)
    if (batch.length < BATCH) continue
    await settle(batch)
    batch = []
  }
  if (batch.length > 0) await settle(batch)
  return report
}

function hindranceOf({ person, row }: Candidate, standing: Standing): LeftOut | 'already' | undefined {
  const { owner, isLeaving, idTaken, idDeleted } = standing
  if (isLeaving) return 'being-deleted'
  if (owner === row.id || (owner !== null && !person.given)) return 'already'
  if (owner !== null) return 'other-id'
  if (idTaken) return 'id-taken'
  return idDeleted ? 'id-deleted' : undefined
}

type Hash = { ok: true; stored: string | null } | { ok: false; reason: LeftOut }

function hashOf(hash: string | null | undefined, passwords: Passwords): Hash {
  if (!hash) return { ok: true, stored: null }
  const stored = passwords.takeOver(hash)
  return stored === undefined ? { ok: false, reason: passwords.whyNot(hash) } : { ok: true, stored }
}

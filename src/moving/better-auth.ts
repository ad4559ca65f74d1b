/** The people of a Better Auth site: from its PostgreSQL, or from a dump that `pg_dump` made of it. */
import type { Sql } from '../database/database.ts'
import { fragment, identifier } from '../database/fragments.ts'
import { type Person, type Raw, Unreadable } from './exports-of-others.ts'
import type { Sourced } from './jsonl.ts'
import { linesIn } from './lines.ts'

const AT_ONCE = 500
/** The account of somebody who logs in with a password. */
const CREDENTIAL = 'credential'

/** How the columns are called: as Better Auth does by itself, or as many set it up. */
type Naming = { users: string; accounts: string; userId: string; providerId: string }

/** Reads the people in the order of their ids. @throws {Unreadable} when these are not the tables of Better Auth. */
export async function* peopleOfBetterAuth(sql: Sql): AsyncGenerator<Sourced> {
  const { users, accounts, userId, providerId } = await namingOf(sql)
  for (let after: string | undefined, isMore = true; isMore; ) {
    // Joined and not asked for each, since many sites have no index on userId. Of several passwords one is as good as another.
    const rows = await sql<{ id: string; person: Raw; password: string | null }>`
      with people as materialized (
        select u.* from ${identifier(users)} u
        where ${after === undefined ? fragment`true` : fragment`u.id > ${after}`}
        order by u.id limit ${AT_ONCE}
      ), found as materialized (
        select a.${identifier(userId)} as id, min(a.password) as password from ${identifier(accounts)} a
        where a.${identifier(providerId)} = ${CREDENTIAL} and a.${identifier(userId)} in (select id from people)
        group by 1
      )
      select u.id::text as id, to_jsonb(u) as person, found.password
      from people u left join found on found.id = u.id order by u.id`
    for (const { id, person, password } of rows) yield { place: `user ${id}`, person: personOf(person, password) }
    isMore = rows.length === AT_ONCE
    after = rows.at(-1)?.id
  }
}

async function namingOf(sql: Sql): Promise<Naming> {
  const [tables] = await sql<Record<'user' | 'users' | 'account' | 'accounts', boolean>>`
    select to_regclass('"user"') is not null as user, to_regclass('users') is not null as users,
      to_regclass('account') is not null as account, to_regclass('accounts') is not null as accounts`
  const users = tables?.user ? 'user' : 'users'
  const accounts = tables?.account ? 'account' : 'accounts'
  if (!tables?.[users] || !tables[accounts])
    throw new Unreadable('It has no tables user and account, as Better Auth has them.')
  const [one] = await sql<{
    account: Raw
  }>`select to_jsonb(a) as account from ${identifier(accounts)} a order by a.id limit 1`
  if (one === undefined) throw new Unreadable('Its table account is empty, so nobody there has a password.')
  const isCamel = 'userId' in one.account
  if (!isCamel && !('user_id' in one.account)) throw new Unreadable('Its table account has no column userId.')
  return isCamel
    ? { users, accounts, userId: 'userId', providerId: 'providerId' }
    : { users, accounts, userId: 'user_id', providerId: 'provider_id' }
}

/** `banned` is of its plugin for administrators. */
function personOf(row: Raw, passwordHash: string | null): Person {
  const { id, email, name, image, banned } = row
  return {
    id: String(id),
    email,
    name,
    image: image ?? null,
    emailVerified: row.emailVerified ?? row.email_verified,
    createdAt: row.createdAt ?? row.created_at,
    updatedAt: row.updatedAt ?? row.updated_at,
    passwordHash,
    blocked: banned === true || banned === 't',
  }
}

/**
 * Reads a dump twice, since accounts stand in it before the users they belong to: `open` opens it. Passwords are kept in
 * memory meanwhile, 30 MB for 100,000 people.
 * @throws {Unreadable} when this is no plain dump with COPY.
 */
export async function* peopleOfDump(open: () => AsyncIterable<Uint8Array>): AsyncGenerator<Sourced> {
  const passwords = new Map<string, string>()
  for await (const { table, row } of rowsOfDump(open())) {
    const isPassword = /^accounts?$/.test(table) && (row.providerId ?? row.provider_id) === CREDENTIAL
    const userId = row.userId ?? row.user_id
    if (isPassword && typeof userId === 'string' && typeof row.password === 'string')
      passwords.set(userId, row.password)
  }
  let found = 0
  for await (const { table, row } of rowsOfDump(open())) {
    if (!/^users?$/.test(table)) continue
    found += 1
    const id = String(row.id)
    const isConfirmed = (row.emailVerified ?? row.email_verified) === 't'
    yield { place: `user ${id}`, person: { ...personOf(row, passwords.get(id) ?? null), emailVerified: isConfirmed } }
  }
  if (found === 0)
    throw new Unreadable(
      'It has no rows of a table user. Make it with: pg_dump --data-only --table=\'"user"\' --table=account',
    )
}

const COPY = /^COPY (?:(?:"[^"]+"|\w+)\.)?(?:"(?<quoted>[^"]+)"|(?<plain>\w+)) \((?<columns>.*)\) FROM stdin;$/

async function* rowsOfDump(dump: AsyncIterable<Uint8Array>): AsyncGenerator<{ table: string; row: Raw }> {
  let copying: { table: string; columns: string[] } | undefined
  let number = 0
  for await (const line of linesIn(dump)) {
    number += 1
    // Nobody: a name and an address are short.
    if (line === undefined) continue
    refuseOtherDumps(line, number)
    if (copying === undefined) {
      const { quoted, plain, columns = '' } = COPY.exec(line)?.groups ?? {}
      const table = quoted ?? plain
      if (table !== undefined)
        copying = { table, columns: columns.split(', ').map((name) => name.replace(/^"|"$/g, '')) }
    } else if (line === '\\.') copying = undefined
    else {
      const values = line.split('\t').map(unescaped)
      yield {
        table: copying.table,
        row: Object.fromEntries(copying.columns.map((name, index) => [name, values[index]])),
      }
    }
  }
}

function refuseOtherDumps(line: string, number: number): void {
  if (number === 1 && line.startsWith('PGDMP'))
    throw new Unreadable(
      'This is a dump in the custom format. Make a plain one of it with: pg_restore --file=dump.sql <this>',
    )
  if (number === 1 && line.startsWith('\u001f\ufffd'))
    throw new Unreadable('This is compressed. Unpack it first: gunzip <this>')
  if (/^INSERT INTO (?:\w+\.)?(?:"user"|users|accounts?) /.test(line))
    throw new Unreadable('This dump has INSERT statements. Make it without --inserts and --column-inserts.')
}

const ESCAPED: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

/** The text form of COPY. */
const unescaped = (field: string): string | null =>
  field === '\\N' ? null : field.replace(/\\(.)/g, (_, sign: string) => ESCAPED[sign] ?? sign)

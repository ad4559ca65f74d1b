/** A thousand people of a real Better Auth site move in by the command, log in as ever, move out, and move in elsewhere. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { Report } from '../../src/moving/report.ts'
import { SECRET, startApp, type TestApp } from '../support/app.ts'
import { openBetterAuthSite } from '../support/better-auth-site.ts'
import { comingBack, openBrowser, type Person, somebody } from '../support/people.ts'
import { eventually, startProgram } from '../support/process.ts'

const PEOPLE = 1_000
/** How many of them log in by the page. Each costs two hashes of theirs and one of ours. */
const SAMPLE = Number(process.env.MOVE_IN_SAMPLE ?? 10)

const directory = mkdtempSync(join(tmpdir(), 'matricula-moving-'))
after(() => rmSync(directory, { recursive: true }))
const site = await openBetterAuthSite()
const people = await site.signUpMany(PEOPLE)
const sample = people.slice(0, SAMPLE)
const app = await startApp()
const next = await startApp()

type Row = { id: string; emailVerified: boolean; name: string; passwordHash: string | null }
const rowsOf = ({ sql }: TestApp) =>
  sql<Row & { email: string }>`select id, email, name, email_verified, password_hash from users order by id`

async function cli(at: TestApp, ...args: string[]) {
  const program = startProgram(['dist/cli.js', ...args], {
    NODE_ENV: 'test',
    APP_SECRETS: SECRET,
    DATABASE_URL: at.databaseUrl,
  })
  const { code } = await program.ended()
  return { code, ...program.written }
}

async function imported(at: TestApp, ...args: string[]): Promise<Report> {
  const { code, out, err } = await cli(at, 'import', ...args, '--json')
  assert.equal(code, 0, err)
  return JSON.parse(out)
}

const logIn = async (at: TestApp, { email, password }: Pick<Person, 'email' | 'password'>) =>
  (await comingBack(() => openBrowser(at).logIn({ email, password }))).status

/** Each distinct hash by the function that a login uses, and a sample of people by the page, with a wrong password too. */
async function letIn(at: TestApp): Promise<void> {
  const { passwords } = at.deps
  const stored = new Map((await rowsOf(at)).map(({ email, passwordHash }) => [email, passwordHash ?? '']))
  const tried = new Set<string>()
  for (const { email, password } of people) {
    const hash = stored.get(email) ?? assert.fail(email)
    const theirs = passwords.handOver(hash)
    // Who has not logged in yet has the very hash of Better Auth.
    if (theirs !== hash) assert.equal(theirs, await site.hashOf(password))
    if (!tried.has(theirs)) assert.equal((await passwords.verify(password, hash)).ok, true)
    tried.add(theirs)
  }
  for (const person of sample) {
    assert.equal(await logIn(at, { ...person, password: `${person.password}.` }), 422)
    assert.equal(await logIn(at, person), 303)
  }
}

describe('a site of Better Auth', () => {
  it('is looked at first: nobody moves in by a dry run', async () => {
    const report = await imported(app, 'better-auth', site.url, '--dry-run')
    assert.deepEqual(report, { dryRun: true, read: PEOPLE, taken: PEOPLE, already: 0, leftOut: 0, entries: [] })
    assert.equal((await rowsOf(app)).length, 0)
  })

  it('moves in with ids, names and passwords, once', async () => {
    const confirmed = sample[0]?.id
    await site.pool.query('update "user" set "emailVerified" = true where id = $1', [confirmed])
    const social = await site.signUp(somebody('Social'))
    await site.pool.query(`update account set "providerId" = 'github', password = null where "userId" = $1`, [social])

    const report = await imported(app, 'better-auth', site.url)
    assert.deepEqual([report.read, report.taken, report.leftOut], [PEOPLE + 1, PEOPLE + 1, 0])
    assert.deepEqual(report.entries, [{ place: `user ${social}`, outcome: 'noted', reason: 'no-password' }])
    const rows = await rowsOf(app)
    assert.deepEqual(
      rows.filter(({ id }) => id !== social).map(({ id, email, name }) => ({ id, email, name })),
      people.map(({ id, email, name }) => ({ id, email, name })).sort((one, other) => (one.id < other.id ? -1 : 1)),
    )
    assert.deepEqual(
      rows.filter(({ emailVerified }) => emailVerified).map(({ id }) => id),
      [confirmed],
    )
    const again = await imported(app, 'better-auth', site.url)
    assert.deepEqual([again.taken, again.already, again.leftOut], [0, PEOPLE + 1, 0])
    const audit = await app.sql<{ what: string; outcome: string }>`select what, outcome from audit`
    const noted = audit.map(({ what, outcome }) => [what, outcome])
    assert.deepEqual(noted, [
      ['import better-auth', 'done'],
      ['import better-auth', 'done'],
    ])
  })

  it('logs in with the old passwords', () => letIn(app))

  it('moves out to a file for one pair of eyes, and in again at an empty site, where all log in', async () => {
    const file = join(directory, 'people.jsonl')
    const { code, out, err } = await cli(app, 'export', 'jsonl', '--file', file)
    assert.deepEqual([code, out, err], [0, '', `${PEOPLE + 1} exported\n`])
    assert.equal(statSync(file).mode & 0o777, 0o600)
    const text = readFileSync(file, 'utf8')
    assert.equal(text.split('\n').length, PEOPLE + 2)
    // Who has logged in has a hash of ours, the others the one of Better Auth.
    assert.equal(text.match(/\$2b\$/g)?.length, SAMPLE)
    assert.equal(text.match(/"passwordHash":"[0-9a-f]{32}:[0-9a-f]{128}"/g)?.length ?? 0, PEOPLE - SAMPLE)

    const report = await imported(next, 'jsonl', file)
    assert.deepEqual([report.read, report.taken, report.leftOut], [PEOPLE + 1, PEOPLE + 1, 0])
    await letIn(next)
  })

  it('is read quickly where nothing finds the accounts of a person', async () => {
    const { rows: indexes } = await site.pool.query(`
      select indexname from pg_indexes where tablename = 'account' and indexname not like '%pkey'`)
    for (const { indexname } of indexes) await site.pool.query(`drop index "${indexname}"`)
    const scans = async (): Promise<number> => {
      const { rows } = await site.pool.query(`select seq_scan from pg_stat_user_tables where relname = 'account'`)
      return Number(rows[0].seq_scan)
    }
    const before = await scans()
    await imported(app, 'better-auth', site.url, '--dry-run')
    await eventually('the counts of the database', async () => (await scans()) > before)
    assert.ok((await scans()) - before < 20, 'the table is read for each batch, and not for each person')
  })

  it('also moves in from a dump, and says what it cannot read', async () => {
    const fresh = await startApp()
    const weird = { ...somebody('Weird'), name: 'Tab\\t and "quotes" \\ and ﬁ' }
    await site.signUp(weird)
    const plain = join(directory, 'dump.sql')
    writeFileSync(plain, await site.dump())
    const report = await imported(fresh, 'better-auth', plain)
    assert.deepEqual([report.read, report.taken, report.leftOut], [PEOPLE + 2, PEOPLE + 2, 0])
    const names = (await rowsOf(fresh)).map(({ name }) => name)
    assert.ok(names.includes(weird.name), 'a name is read as it was')
    assert.equal(await logIn(fresh, people.at(-1) ?? weird), 303)
    assert.equal(await logIn(fresh, weird), 303)
    assert.equal((await rowsOf(fresh)).filter(({ emailVerified }) => emailVerified).length, 1)

    const others: Record<string, [text: string, words: RegExp]> = {
      custom: ['PGDMP\u0001\u000e', /pg_restore --file/],
      inserts: ['INSERT INTO public."user" VALUES (1);\n', /without --inserts/],
      compressed: ['\u001f\u008b\u0008', /gunzip/],
      empty: ['SELECT 1;\n', /no rows of a table user/],
    }
    for (const [name, [text, words]] of Object.entries(others)) {
      const file = join(directory, name)
      writeFileSync(file, Buffer.from(text, 'latin1'))
      const { code, err } = await cli(fresh, 'import', 'better-auth', file)
      assert.equal(code, 65, err)
      assert.match(err, words)
    }
  })

  it('is not mistaken: a database without its tables is refused, and one out of reach', async () => {
    const own = await cli(app, 'import', 'better-auth', app.databaseUrl)
    assert.equal(own.code, 65)
    assert.match(own.err, /no tables user and account/)
    const away = await cli(app, 'import', 'better-auth', 'postgres://nobody:Hidden@127.0.0.1:1/none')
    assert.equal(away.code, 69)
    assert.match(away.err, /^The database to move in from cannot be read/)
    assert.doesNotMatch(away.out + away.err, /Hidden/)
    assert.equal((await cli(app, 'import', 'better-auth', 'postgres://[')).code, 64)
  })
})

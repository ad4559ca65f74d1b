/** Every statement that the app sends finds its rows by an index, however many rows there are. */
import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import postgres from 'postgres'
import { startApp } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { codeOf, filesIn } from '../support/imports.ts'
import { openMailbox } from '../support/mailbox.ts'
import {
  fillTables,
  namesOfPlainIndexes,
  unindexedReferences,
  type WholeReading,
  wholeReadings,
} from '../support/plans.ts'
import { type Statement, startProxy } from '../support/proxy.ts'
import { FRAGMENT, isMadeOf, STATEMENT, templatesIn } from '../support/templates.ts'
import { takeTour } from '../support/tour.ts'

/** Tables that stay so small that reading them as a whole costs nothing. */
const SMALL_TABLES: Record<string, string> = {
  signing_keys: 'a row for each key that is published, two or three',
  service_keys: 'a row for each key of a backend',
}

/** Statements that are meant to read whole tables, by their file. */
const READS_ALL: Record<string, string> = {
  'src/accounts/passwords/pepper-use.ts': 'a change of secrets counts all passwords',
  'src/moving/better-auth.ts': 'the accounts of another program, where often no index finds those of a person',
  'src/mail/waiting-mails.ts': 'an operator asks how many wait, mostly few',
  'src/accounts/support/user-search.ts': 'an operator looks for a part of a name or address, now and then',
  'src/learning/funnel.ts': 'the report counts everybody; an operator asks for it now and then',
  'src/telemetry/figures.ts': 'the metrics count all mails that wait, which are few unless something is wrong',
}

/** Statements that are not written in the source. */
const OF_LIBRARIES: [start: RegExp, whose: string][] = [
  [/^\s*(INSERT INTO|DELETE FROM) "rate_limits" /, 'rate-limiter-flexible'],
]

const SERVICE_KEY = 'a-service-key-of-the-tests-0123456789'

type Written = { file: string; fixed: string[] }

const templatesOfSource = (tag: RegExp): Written[] =>
  filesIn('src', '.ts').flatMap((file) => templatesIn(codeOf(file), tag).map(({ fixed }) => ({ file, fixed })))

const written = templatesOfSource(STATEMENT)
const lengthOf = ({ fixed }: Written): number => fixed.join('').length

/** The template of a statement: of those that it could be made of, the one that says most of it. */
const templateOf = ({ text }: Statement): Written | undefined =>
  written.filter(({ fixed }) => isMadeOf(text, fixed)).sort((one, other) => lengthOf(other) - lengthOf(one))[0]

const shortened = (text: string): string => text.replace(/\s+/g, ' ').trim().slice(0, 200)
const shown = ({ file, fixed }: Written): string => `${file}: ${shortened(fixed.join('…'))}`

const url = await createDatabase()
const direct = postgres(url, { max: 1, onnotice: () => {} })
after(() => direct.end())
const proxy = await startProxy(url)
const mailbox = await openMailbox()
const app = await startApp(
  { SERVICE_KEY, METRICS_TOKEN: SERVICE_KEY },
  { databaseUrl: proxy.url, mailbox, atPublicUrl: true },
)
const bare = await startApp({ BCRYPT_COST: '10' }, { databaseUrl: proxy.url, atPublicUrl: true })
// The tables of a Better Auth site, more people than are read at once.
await direct.unsafe(`
  create table "user" (id text primary key, email text, name text);
  create table account (id text primary key, "userId" text references "user" (id), "providerId" text, password text);
  create index account_user_id on account ("userId");
  insert into "user" select 'b' || n, 'b' || n || '@example.org', 'Ben' from generate_series(1, 600) n;
  insert into account values ('a', 'b1', 'google', null)`)
await takeTour({
  app,
  bare,
  mailbox,
  serviceKey: SERVICE_KEY,
  damage: ({ email }) => direct`
    update sessions set sess = json_build_object('userId', user_id)
    where user_id = (select id from users where email = ${email})`,
})
await fillTables(direct)
const sent = proxy.statements()

type Reading = WholeReading & { file: string; text: string }

async function readings(): Promise<Reading[]> {
  const found = await wholeReadings(direct, sent)
  return found.flatMap(({ statement, readings }) => {
    const file = templateOf(statement)?.file ?? 'a library'
    return readings.map((reading) => ({ ...reading, file, text: shortened(statement.text) }))
  })
}

/** What is read as a whole without being an exception. */
const unmeant = async (): Promise<string[]> =>
  (await readings())
    .filter(({ table, file }) => !(table in SMALL_TABLES) && !(file in READS_ALL))
    .map(({ file, what, text }) => `${file} reads ${what}: ${text}`)

describe('the statements of the app', () => {
  it('are all sent on the tour', () => {
    assert.ok(written.length > 50, `${written.length} found`)
    const seen = new Set(sent.map(templateOf))
    assert.deepEqual(written.filter((template) => !seen.has(template)).map(shown), [])
  })

  it('are sent with each piece of SQL that they may hold', () => {
    const pieces = templatesOfSource(FRAGMENT).filter(({ fixed }) => fixed.join('').trim() !== '')
    assert.ok(pieces.length > 30, `${pieces.length} found`)
    const unseen = pieces.filter(({ fixed }) => !sent.some(({ text }) => isMadeOf(text, fixed, { within: true })))
    assert.deepEqual(unseen.map(shown), [])
  })

  it('are written in the source, or by a library that is known', () => {
    const strange = sent.filter((statement) => templateOf(statement) === undefined).map(({ text }) => text)
    const isKnown = (text: string) => OF_LIBRARIES.some(([start]) => start.test(text))
    assert.deepEqual(strange.filter((text) => !isKnown(text)).map(shortened), [])
    const isSent = ([start]: (typeof OF_LIBRARIES)[number]) => strange.some((text) => start.test(text))
    assert.deepEqual(
      OF_LIBRARIES.filter((library) => !isSent(library)),
      [],
    )
  })

  it('read no table as a whole, except where that is meant', async () => {
    assert.deepEqual(await unmeant(), [])
  })

  it('need each exception that is made', async () => {
    const all = await readings()
    assert.deepEqual(
      Object.keys(SMALL_TABLES).filter((table) => !all.some((one) => one.table === table)),
      [],
    )
    assert.deepEqual(
      Object.keys(READS_ALL).filter((file) => !all.some((one) => one.file === file)),
      [],
    )
  })
})

describe('the rows that a deletion takes along', () => {
  it('are found by an index, wherever a column refers to another table', async () => {
    assert.deepEqual(await unindexedReferences(direct), [])
  })
})

describe('an index', () => {
  it('is missed when it is gone, each of them', async () => {
    const indexes = await namesOfPlainIndexes(direct)
    assert.ok(indexes.length > 10, `${indexes.length} found`)
    const useless: string[] = []
    for (const index of indexes) {
      await direct.unsafe(`begin; drop index ${index}`)
      const missed = [...(await unmeant()), ...(await unindexedReferences(direct))]
      await direct.unsafe('rollback')
      if (missed.length === 0) useless.push(index)
    }
    assert.deepEqual(useless, [])
  })
})

/** The commands of an operator's day: sessions, waiting mails, what is over, the schema, and names in the log. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pseudonym } from '../../src/base/log.ts'
import { createOutput } from '../../src/cli/frame/output.ts'
import { NEWEST_SCHEMA } from '../../src/database/migrate.ts'
import { createEmptyDatabase } from '../support/database.ts'
import { startWithCommands } from '../support/keys-cli.ts'
import { openMailbox } from '../support/mailbox.ts'
import { learner, openBrowser } from '../support/people.ts'
import { eventually } from '../support/process.ts'

const mailbox = await openMailbox()
const { app, cli, done } = await startWithCommands({ mailbox })

const json = async (...args: string[]) => JSON.parse((await done(...args, '--json')).join('\n'))
const idOf = async ({ email }: { email: string }) => {
  const [user] = await app.sql<{ id: string }>`select id from users where email = ${email}`
  return user?.id ?? ''
}

describe('sessions', () => {
  it('list shows who is logged in, on what, and no address', async () => {
    const { person } = await learner(app, 'Ada')
    const id = await idOf(person)
    const [session, ...more] = await json('sessions', 'list', '--user', id)
    assert.deepEqual(more, [])
    assert.equal(session.userId, id)
    const lines = await done('sessions', 'list')
    assert.ok(lines.some((line) => line.startsWith(`${session.handle}  ${id}  since `)))
    assert.doesNotMatch(lines.join('\n'), /@|127\.0\.0\.1/)
  })

  it('revoke logs out one device, or all of an account, and the audit says whose', async () => {
    const { person, browser } = await learner(app, 'Ben')
    const phone = openBrowser(app)
    await phone.logIn(person)
    const id = await idOf(person)
    const [{ handle }] = await json('sessions', 'list', '--user', id)
    await done('sessions', 'revoke', handle)
    assert.equal((await json('sessions', 'list', '--user', id)).length, 1)
    await done('sessions', 'revoke', '--user', id)
    for (const one of [browser, phone]) assert.equal((await one.get('/dashboard')).status, 303)
    const entries = await json('audit', 'list', '--whom', id)
    assert.deepEqual(
      entries.map(({ what, details }: { what: string; details: unknown }) => [what, details]),
      [
        ['sessions revoke', {}],
        ['sessions revoke', { session: handle }],
      ],
    )
  })

  it('revoke --everybody logs everybody out', async () => {
    const { browser } = await learner(app, 'Carl')
    const before = await json('sessions', 'count')
    assert.ok(before.open >= 1 && before.people >= 1 && before.seen >= 1 && before.last !== null)
    const { code, out, err } = await cli(['sessions', 'revoke', '--everybody'])
    assert.deepEqual([code, out], [0, [`All sessions are ended: ${before.open}.`]])
    assert.equal(err, `${before.open} sessions ended`)
    assert.equal((await browser.get('/dashboard')).status, 303)
    assert.deepEqual(await json('sessions', 'count'), { open: 0, people: 0, seen: 0, last: null })
  })

  it('revoke ends none unless it knows which', async () => {
    await learner(app, 'Dora')
    for (const args of [[], ['handle', '--everybody'], ['--user', 'id', '--everybody']])
      assert.equal((await cli(['sessions', 'revoke', ...args])).code, 64)
    assert.equal((await cli(['sessions', 'revoke', 'nobody'])).code, 66)
    const { code, out } = await cli(['sessions', 'revoke', '--user', 'ada@example.org'])
    assert.deepEqual([code, out], [66, []], 'nobody is told that an account is logged out that is not there')
    assert.equal((await json('sessions', 'count')).open, 1)
  })
})

describe('outbox', () => {
  async function waitingMail(name: string) {
    mailbox.set('busy')
    const { person } = await learner(app, name)
    await eventually('the mail to be put off', () => app.log().includes('mail not sent yet'))
    await app.deps.mail.stop()
    const [mail] = (await json('outbox', 'list')).mails
    return { person, mail }
  }

  it('lists what waits, makes it due, and a server sends it; nothing tells to whom it is', async () => {
    const { person, mail } = await waitingMail('Eve')
    assert.deepEqual([mail.kind, mail.opened, mail.outdated], ['verify-email', true, false])
    assert.doesNotMatch((await done('outbox', 'list')).join('\n'), /@/)
    await app.sql`update outbox set due_at = now() + interval '4 minutes' where id = ${mail.id}`
    assert.deepEqual(await done('outbox', 'retry', mail.id), ['Due now: 1.'])
    assert.deepEqual(await done('outbox', 'retry', '--all'), ['Nothing to do: what waits is due already.'])
    mailbox.set('take')
    app.deps.mail.start()
    await mailbox.letterTo(person.email)
    await eventually('the outbox to be empty', async () => (await json('outbox', 'list')).waiting === 0)
    assert.deepEqual(await done('outbox', 'list'), ['No mail waits.'])
  })

  it('leaves a mail alone that a process may hold at the moment', async () => {
    const { mail } = await waitingMail('Finn')
    await app.sql`update outbox set due_at = now() + interval '40 seconds' where id = ${mail.id}`
    assert.deepEqual(await done('outbox', 'retry', mail.id), ['Nothing to do: what waits is due already.'])
  })

  it('drops a mail for good, and “Where is my email?” can tell', async () => {
    const [mail] = (await json('outbox', 'list')).mails
    await done('outbox', 'drop', mail.id)
    assert.equal((await cli(['outbox', 'drop', mail.id])).code, 66)
    assert.equal((await cli(['outbox', 'retry', mail.id])).code, 66)
    const [row] = await app.sql<{ outcome: string }>`select outcome from mail_outcomes where id = ${mail.id}`
    assert.equal(row?.outcome, 'dropped')
    for (const args of [['drop'], ['retry'], ['retry', 'a', '--all']])
      assert.equal((await cli(['outbox', ...args])).code, 64)
  })
})

describe('prune', () => {
  it('deletes what is over and tells how much of what, in lines where there is no terminal', async () => {
    await app.sql`insert into rate_limits select 'over' || n, 1, 1 from generate_series(1, 2500) n`
    const { code, out, err } = await cli(['prune'])
    assert.equal(code, 0)
    assert.match(err, /^rate_limits: 25\d\d deleted$/m)
    assert.match(out.join('\n'), /^\d+ rows deleted[\s\S]*^ {2}rate_limits +25\d\d$/m)
    const [row] = await app.sql`select 1 from rate_limits where key like 'over%'`
    assert.equal(row, undefined)
    assert.ok((await json('prune')).deleted.sessions >= 0)
    const [entry] = await json('audit', 'list', '--limit', '1')
    assert.deepEqual([entry.what, entry.outcome, typeof entry.details.deleted], ['prune', 'done', 'object'])
  })
})

describe('pseudonym', () => {
  it('is the name in the log, by address however it is spelt and by id', async () => {
    const { person, browser } = await learner(app, 'Gina')
    const id = await idOf(person)
    await browser.get('/dashboard')
    await eventually('the line in the log', () => app.log().includes(`"user":"${pseudonym(id)}"`))
    for (const account of [person.email, ` ${person.email.toUpperCase()} `, id])
      assert.deepEqual(await done('pseudonym', account), [pseudonym(id)])
    assert.deepEqual(await json('pseudonym', id), { id, pseudonym: pseudonym(id) })
    for (const nobody of ['nobody@example.org', 'nobody']) assert.equal((await cli(['pseudonym', nobody])).code, 66)
  })
})

describe('migrate', () => {
  it('status names what is missing and ends with 78 until it is applied', async () => {
    const DATABASE_URL = await createEmptyDatabase()
    const before = await cli(['migrate', 'status', '--json'], { DATABASE_URL })
    assert.equal(before.code, 78)
    const told = JSON.parse(before.out.join('\n'))
    assert.deepEqual([told.version, told.newest, told.pending.length], [0, NEWEST_SCHEMA, NEWEST_SCHEMA])
    assert.equal((await cli(['migrate', 'up', '--as', 'ada'], { DATABASE_URL })).code, 0)
    const after = await cli(['migrate', 'status'], { DATABASE_URL })
    assert.deepEqual([after.code, after.out.length], [0, 1])
    const { out } = await cli(['audit', 'list', '--json'], { DATABASE_URL })
    const [entry] = JSON.parse(out.join('\n'))
    assert.deepEqual([entry.who, entry.what, entry.details.applied], ['ada', 'migrate up', NEWEST_SCHEMA])
  })
})

describe('progress', () => {
  const written = (isTTY: boolean, json = false) => {
    const texts: string[] = []
    const write = (text: string) => texts.push(text) > 0
    const stream = Object.assign(Object.create(process.stderr), { isTTY, write, hasColors: () => false })
    const output = createOutput({ json, out: stream, err: stream })
    const progress = output.progress('sessions')
    for (const count of [10, 20, 40]) progress.set(count, 40)
    progress.end('40 done')
    return { texts, coloured: output.coloured('fine', 'green') }
  }

  it('is a bar that is drawn over on a terminal, without escape codes where colours are off', () => {
    const { texts, coloured } = written(true)
    assert.match(texts[1] ?? '', /^\rsessions {2}\[#{12}\.{12}\] 20 of 40 *$/)
    assert.match(texts.at(-1) ?? '', /^\r40 done +\n$/)
    assert.equal((texts.join('') + coloured).includes('\u001b'), false)
  })

  it('obeys nothing that somebody else has written: it is spelled out, also in JSON', () => {
    const hostile = 'Ada\u001b[2J\u009b1A\u202e\r\nok  all is fine'
    for (const [json, colours] of [
      [false, false],
      [false, true],
      [true, false],
    ] as const) {
      const texts: string[] = []
      const write = (text: string) => texts.push(text) > 0
      const stream = Object.assign(Object.create(process.stdout), { isTTY: colours, write, hasColors: () => colours })
      const output = createOutput({ json, out: stream })
      output.say(`${output.coloured('ok', 'green')} ${hostile}`)
      output.tell({ name: hostile }, () => [hostile])
      const printed = texts.join('').replaceAll('\u001b[32mok\u001b[39m', 'ok')
      assert.doesNotMatch(printed.replaceAll('\n', ''), /[\p{Cc}\u202e]/u, JSON.stringify(printed))
      if (json) assert.equal(JSON.parse(printed).name, hostile)
      else assert.equal(printed.split('\n').length, 3, 'a line stays a line')
    }
  })

  it('is a line elsewhere, and nothing beside JSON', () => {
    assert.deepEqual(written(false).texts, ['40 done\n'])
    assert.deepEqual(written(true, true).texts, [])
  })
})

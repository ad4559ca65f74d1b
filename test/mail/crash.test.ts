/** A server is killed or stopped while it sends a mail: the mail still arrives, and only once. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startApp } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { openMailbox } from '../support/mailbox.ts'
import { allSent, waiting } from '../support/outbox.ts'
import { learner } from '../support/people.ts'
import { eventually, startServer } from '../support/process.ts'

const SIGN_UPS = 5
/** Half of the lease that a process holds on a mail while it sends it. */
const HALF_OF_LEASE_MS = 22_000

async function start() {
  const mailbox = await openMailbox()
  // Only reads the server's database, and has no mail itself.
  const reader = await startApp({}, { databaseUrl: await createDatabase() })
  const environment = {
    DATABASE_URL: reader.databaseUrl,
    SMTP_URL: mailbox.url,
    MAIL_FROM: 'no-reply@matricula.example',
  }
  return { mailbox, reader, environment }
}

// In parallel, because most of the time is spent waiting for the lease of a dead process.
describe('a server', { concurrency: true }, () => {
  it('[T23, F16] killed while it sends leaves the mail to the next one, which sends it once', async () => {
    const { mailbox, reader, environment } = await start()
    mailbox.set('hang')
    const first = await startServer(environment)
    const { person } = await learner(first, 'Ada')
    await eventually('the mail to be under way', () => mailbox.tries() === 1)
    first.kill('SIGKILL')
    assert.equal((await first.ended()).signal, 'SIGKILL')
    assert.deepEqual(
      (await waiting(reader)).map(({ attempts }) => attempts),
      [1],
    )
    assert.equal(mailbox.letters.length, 0)

    mailbox.set('take')
    await startServer(environment)
    await eventually('half of the lease to pass', async () => {
      const [row] = await waiting(reader)
      return row === undefined || row.dueAt.getTime() - Date.now() < HALF_OF_LEASE_MS
    })
    await mailbox.letterTo(person.email)
    await allSent(reader)
    assert.equal(mailbox.to(person.email).length, 1)
    assert.equal(new Set(mailbox.triedIds()).size, 1)
  })

  it('[T23, F16, F33] killed right after it said yes, while there is no mail server, loses no mail', async () => {
    const { mailbox, reader, environment } = await start()
    await mailbox.close()
    const first = await startServer(environment)
    const people = await Promise.all(Array.from({ length: SIGN_UPS }, () => learner(first, 'Bo')))
    first.kill('SIGKILL')
    await first.ended()
    assert.equal((await waiting(reader)).length, SIGN_UPS)

    const back = await openMailbox({ port: mailbox.port })
    await startServer(environment)
    await eventually('half of the lease to pass', async () => {
      const rows = await waiting(reader)
      return rows.every(({ dueAt }) => dueAt.getTime() - Date.now() < HALF_OF_LEASE_MS)
    })
    await allSent(reader)
    assert.deepEqual(
      people.map(({ person }) => back.to(person.email).length),
      people.map(() => 1),
    )
    assert.equal(back.tries(), SIGN_UPS)
  })

  it('told to end while a mail is under way waits for it, and leaves none behind', async () => {
    const { mailbox, reader, environment } = await start()
    mailbox.set('hold')
    const server = await startServer(environment)
    const { person } = await learner(server, 'Cy')
    await eventually('the mail to be under way', () => mailbox.tries() === 1)
    server.kill('SIGTERM')
    await eventually('the server to begin to end', () => server.written.out.includes('"msg":"stopping"'))
    assert.equal(server.isRunning(), true)
    mailbox.set('take')
    assert.deepEqual(await server.ended(), { code: 0, signal: null })
    assert.equal(mailbox.to(person.email).length, 1)
    assert.equal((await waiting(reader)).length, 0)
  })

  it('told to end while the mail server hangs ends in good time, and the next one sends the mail once', async () => {
    const { mailbox, reader, environment } = await start()
    mailbox.set('hang')
    const first = await startServer(environment)
    const { person } = await learner(first, 'Di')
    await eventually('the mail to be under way', () => mailbox.tries() === 1)
    first.kill('SIGTERM')
    assert.deepEqual(await first.ended(), { code: 0, signal: null })
    assert.equal((await waiting(reader)).length, 1)
    const said = first.written.out + first.written.err
    assert.equal(said.includes(person.email), false)
    assert.match(said, /"msg":"mail not sent yet"/)

    mailbox.set('take')
    await startServer(environment)
    await mailbox.letterTo(person.email)
    await allSent(reader)
    assert.equal(mailbox.to(person.email).length, 1)
  })
})

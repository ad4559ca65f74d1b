/** Several processes send mails from one database, and a mail may be sealed by one and sent by another. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { resetPassword, verifyEmail } from '../../src/mail/letters.ts'
import { takeDueMails } from '../../src/mail/outbox.ts'
import { SECRET, startApp } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { openMailbox } from '../support/mailbox.ts'
import { allSent, lookOnce, queue, waiting } from '../support/outbox.ts'
import { somebody } from '../support/people.ts'
import { eventually } from '../support/process.ts'

const LINK = 'https://learn.example.org/a'
const MINUTE = 60_000
const NEW_SECRET = 'another-secret-of-the-tests-zyxwv98765'

const mailbox = await openMailbox()

describe('two processes on one database', () => {
  it('[F25] send thirty mails, each once', async () => {
    const databaseUrl = await createDatabase()
    const apps = await Promise.all([1, 2].map(() => startApp({}, { databaseUrl, mailbox })))
    const [first] = apps
    assert.ok(first, 'the first runs')
    await Promise.all(apps.map(({ deps }) => deps.mail.stop()))
    const emails = Array.from({ length: 30 }, () => somebody('Ada').email)
    await queue(first, ...emails.map((email) => verifyEmail(email, LINK)))
    for (const { deps } of apps) deps.mail.start()
    // Wake both again and again, as requests to both would.
    await eventually('all to be sent', async () => {
      for (const { deps } of apps) deps.mail.wake()
      return (await waiting(first)).length === 0
    })
    assert.deepEqual(
      emails.map((email) => mailbox.to(email).length),
      emails.map(() => 1),
    )
    assert.equal(mailbox.tries(), emails.length)
  })

  it('take no more at once than they can send, whatever the database believes about the table', async () => {
    const app = await startApp({}, { mailbox })
    await app.deps.mail.stop()
    const add = (count: number) =>
      queue(app, ...Array.from({ length: count }, () => verifyEmail(somebody('Ada').email, LINK)))
    await add(1)
    await app.deps.pool.query('analyze outbox')
    await add(3)
    const taken = await takeDueMails(app.sql, { keys: [], now: app.deps.now(), limit: 2 })
    assert.equal(taken.length, 2)
  })

  it('take them in the order in which they were written, so that the newest link comes last', async () => {
    const app = await startApp({}, { mailbox })
    await app.deps.mail.stop()
    for (let count = 0; count < 6; count += 1) await queue(app, verifyEmail(somebody('Ada').email, LINK))
    const written = await app.sql<{ id: string }>`select id from outbox order by queued_at`
    const taken = await takeDueMails(app.sql, { keys: [], now: app.deps.now(), limit: 6 })
    assert.deepEqual(
      taken.map(({ id }) => id),
      written.map(({ id }) => id),
    )
  })

  it('leave a mail alone that the other one is sending', async () => {
    const databaseUrl = await createDatabase()
    const one = await startApp({}, { databaseUrl, mailbox })
    const other = await startApp({}, { databaseUrl, mailbox })
    await Promise.all([one, other].map(({ deps }) => deps.mail.stop()))
    const { email } = somebody('Ada')
    mailbox.set('hold', email)
    await queue(one, resetPassword(email, LINK))
    const tries = mailbox.tries()
    one.deps.mail.start()
    await eventually('the mail to be under way', () => mailbox.tries() === tries + 1)
    other.advance(30_000)
    await lookOnce(other)
    assert.equal(mailbox.tries(), tries + 1)
    mailbox.set('take', email)
    await allSent(one)
    assert.equal(mailbox.to(email).length, 1)
  })
})

describe('a mail that waits while the secret changes', () => {
  const start = async (databaseUrl: string, secrets: string) => {
    const app = await startApp({ APP_SECRETS: secrets }, { databaseUrl, mailbox })
    await app.deps.mail.stop()
    return app
  }

  it('is opened by the old secret behind the new one', async () => {
    const databaseUrl = await createDatabase()
    const before = await start(databaseUrl, SECRET)
    const after = await start(databaseUrl, `${NEW_SECRET},${SECRET}`)
    const { email } = somebody('Ada')
    await queue(before, verifyEmail(email, LINK))
    await lookOnce(after)
    assert.equal(mailbox.to(email).length, 1)
    assert.equal((await waiting(after)).length, 0)
  })

  it('is left to a process that has its secret already, by one that was not restarted yet', async () => {
    const databaseUrl = await createDatabase()
    const old = await start(databaseUrl, SECRET)
    const fresh = await start(databaseUrl, `${NEW_SECRET},${SECRET}`)
    const { email } = somebody('Ada')
    await queue(fresh, verifyEmail(email, LINK))
    await lookOnce(old)
    assert.match(old.log(), /"kind":"verify-email","attempts":1,"msg":"mail put off: no secret opens it"/)
    fresh.advance(MINUTE)
    await lookOnce(fresh)
    assert.equal(mailbox.to(email).length, 1)
    assert.equal((await waiting(fresh)).length, 0)
  })

  it('is dropped after a while when nobody has its secret any more, and the log says so', async () => {
    const databaseUrl = await createDatabase()
    const before = await start(databaseUrl, SECRET)
    const after = await start(databaseUrl, NEW_SECRET)
    const { email } = somebody('Ada')
    await queue(before, verifyEmail(email, LINK))
    for (let looks = 0; looks < 10; looks += 1) {
      assert.equal((await waiting(after)).length, 1)
      await lookOnce(after)
      after.advance(60 * MINUTE)
    }
    assert.equal((await waiting(after)).length, 0)
    assert.equal(mailbox.to(email).length, 0)
    assert.equal(after.log().split('"msg":"mail dropped: no secret opens it"').length, 2)
    assert.equal(after.log().includes(email), false)
  })
})

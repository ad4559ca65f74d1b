/**
 * The database fails while a mail is being sent, or the mail server never stops talking. Also: an idle app sends no
 * queries.
 */
import assert from 'node:assert/strict'
import { createServer, type Socket } from 'node:net'
import { after, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { resetPassword, verifyEmail } from '../../src/mail/letters.ts'
import { startApp } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { openMailbox } from '../support/mailbox.ts'
import { allSent, lookOnce, queue, waiting } from '../support/outbox.ts'
import { somebody } from '../support/people.ts'
import { eventually } from '../support/process.ts'
import { startProxy } from '../support/proxy.ts'

const LINK = 'https://learn.example.org/a'
const LEASE_MS = 45_000
/** Long enough to notice an app that polls the database. */
const IDLE_MS = 6_000

/** An app behind a proxy that can be cut, and another app without mail that can always reach the same database. */
async function start() {
  const mailbox = await openMailbox()
  const databaseUrl = await createDatabase()
  const proxy = await startProxy(databaseUrl)
  const app = await startApp({}, { databaseUrl: proxy.url, mailbox })
  const outside = await startApp({}, { databaseUrl })
  return { mailbox, proxy, app, outside, email: somebody('Ada').email }
}

/** A mail is being sent, the mail server has not accepted it yet, and the database connection is cut. */
async function cutWhileSending() {
  const started = await start()
  const { mailbox, proxy, app, outside, email } = started
  mailbox.set('hold')
  await queue(outside, verifyEmail(email, LINK))
  app.deps.mail.wake()
  await eventually('the mail to be under way', () => mailbox.tries() === 1)
  proxy.cut()
  return started
}

const notRead = (app: { log: () => string }) => app.log().includes('"msg":"outbox not read"')

// In parallel, because most of the time is spent waiting.
describe('when the database goes away', { concurrency: true }, () => {
  it('[F33] while a mail is sent, the mail is forgotten when it is back, and not sent again', async () => {
    const { mailbox, proxy, app, outside, email } = await cutWhileSending()
    mailbox.set('take')
    await mailbox.letterTo(email)
    assert.equal((await waiting(outside)).length, 1)
    await proxy.heal()
    await allSent(outside)
    await lookOnce(app)
    assert.equal(mailbox.tries(), 1)
  })

  it('for longer than anybody tries to forget a mail, it is not sent again either', async () => {
    const { mailbox, proxy, app, outside, email } = await cutWhileSending()
    mailbox.set('take')
    await mailbox.letterTo(email)
    await eventually('the app to give up for now', () => notRead(app))
    await proxy.heal()
    app.advance(LEASE_MS)
    app.deps.mail.wake()
    await allSent(outside)
    assert.equal(mailbox.tries(), 1)
    assert.equal(mailbox.to(email).length, 1)
  })

  it('while a mail is refused for now, it is tried again when its lease is over', async () => {
    const { mailbox, proxy, app, outside, email } = await cutWhileSending()
    mailbox.set('busy')
    await eventually('the app to give up for now', () => notRead(app))
    await proxy.heal()
    mailbox.set('take')
    app.advance(LEASE_MS)
    app.deps.mail.wake()
    await allSent(outside)
    assert.equal(mailbox.tries(), 2)
    assert.equal(mailbox.to(email).length, 1)
  })

  it('one mail that cannot be put off leaves no other one behind that is still under way', async () => {
    const { mailbox, proxy, app, outside, email } = await start()
    const other = somebody('Bo').email
    mailbox.set('hold', email)
    mailbox.set('hold', other)
    await queue(outside, verifyEmail(email, LINK), verifyEmail(other, LINK))
    app.deps.mail.wake()
    await eventually('both mails to be under way', () => mailbox.tries() === 2)
    proxy.cut()
    mailbox.set('busy', email)
    await eventually('one to fail', () => app.log().includes('"msg":"mail not sent yet"'))
    let stopped = false
    const stop = app.deps.mail.stop().then(() => {
      stopped = true
    })
    await proxy.heal()
    await eventually('the database to be back', async () => (await waiting(app)).length === 2)
    assert.equal(stopped, false)
    mailbox.set('take', other)
    await stop
    assert.equal(mailbox.to(other).length, 1)
    assert.equal((await waiting(outside)).length, 1)
  })

  it('and comes back, what was written meanwhile is found without anybody asking', async () => {
    const { mailbox, proxy, app, outside, email } = await start()
    proxy.cut()
    app.deps.mail.wake()
    await eventually('the app to see it', () => notRead(app))
    await queue(outside, verifyEmail(email, LINK))
    await proxy.heal()
    await mailbox.letterTo(email)
    await allSent(outside)
    assert.equal(mailbox.tries(), 1)
  })
})

describe('an app', { concurrency: true }, () => {
  it('without mails to send asks the database nothing', async () => {
    const { mailbox, proxy, app, outside, email } = await start()
    await queue(outside, resetPassword(email, LINK))
    app.deps.mail.wake()
    await mailbox.letterTo(email)
    await allSent(outside)
    // Waits for the current look into the outbox to end.
    await lookOnce(app)
    app.deps.mail.start()
    const settled = async () => {
      const before = proxy.roundTrips()
      await sleep(500)
      return proxy.roundTrips() === before
    }
    await eventually('the first look to end', settled)
    const before = proxy.roundTrips()
    assert.equal(before > 0, true)
    await sleep(IDLE_MS)
    assert.equal(proxy.roundTrips(), before)
  })

  it('gives up for now on a mail server that never comes to an end, before another process may try', async () => {
    const sockets = new Set<Socket>()
    const endless = createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => {}).resume()
      socket.write('220 mail.example.org\r\n')
      const drip = setInterval(() => socket.writable && socket.write('250-still here\r\n'), 1_000)
      socket.once('close', () => {
        clearInterval(drip)
        sockets.delete(socket)
      })
    })
    await new Promise<void>((resolve) => endless.listen(0, '127.0.0.1', resolve))
    after(() => {
      endless.close()
      for (const socket of sockets) socket.destroy()
    })
    const address = endless.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const app = await startApp({ SMTP_URL: `smtp://127.0.0.1:${port}`, MAIL_FROM: 'no-reply@matricula.example' })
    await queue(app, verifyEmail(somebody('Ada').email, LINK))
    app.deps.mail.wake()
    await eventually('the mail to be under way', () => sockets.size === 1)
    await eventually('the mail to be put off', () => app.log().includes('"msg":"mail not sent yet"'))
    const [row] = await waiting(app)
    assert.equal(row?.attempts, 1)
    await eventually('the connection to be gone', () => sockets.size === 0)
  })
})

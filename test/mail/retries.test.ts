/** A mail that is not accepted is tried again, less and less often, until it is of no use any more. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { resetPassword, verifyEmail } from '../../src/mail/letters.ts'
import { startApp } from '../support/app.ts'
import { openMailbox } from '../support/mailbox.ts'
import { lookOnce, queue, waiting } from '../support/outbox.ts'
import { openBrowser, somebody } from '../support/people.ts'

const SECOND = 1_000
const HOUR = 3_600 * SECOND
const LINK = 'https://learn.example.org/a'
/** The pause after each try, in seconds. */
const PAUSES = [5, 10, 20, 40, 80, 160, 300, 300, 300]

/** A new app for each test, since each moves its clock. It sends no mail unless the test says so. */
async function start() {
  const mailbox = await openMailbox()
  const app = await startApp({}, { mailbox })
  await app.deps.mail.stop()
  return { mailbox, app, email: somebody('Ada').email }
}

describe('a mail that is not taken now', () => {
  it('[T22] is tried after 5 seconds, then after pauses that double up to five minutes, until its link is over', async () => {
    const { mailbox, app, email } = await start()
    mailbox.set('busy')
    const [id] = await queue(app, verifyEmail(email, LINK))
    for (const [index, pause] of PAUSES.entries()) {
      const from = app.deps.now()
      await lookOnce(app)
      const to = app.deps.now()
      const [row] = await waiting(app)
      assert.ok(row, 'the mail waits')
      assert.equal(mailbox.tries(), index + 1)
      assert.equal(row.attempts, index + 1)
      const due = row.dueAt.getTime() - pause * SECOND
      assert.ok(due >= from && due <= to, `try ${index + 1} is followed by a pause of ${pause} s`)

      app.advance((pause - 2) * SECOND)
      await lookOnce(app)
      assert.equal(mailbox.tries(), index + 1, 'not tried before its time')
      app.advance(2 * SECOND)
    }
    app.advance(24 * HOUR)
    mailbox.set('take')
    await lookOnce(app)
    assert.equal(mailbox.tries(), PAUSES.length)
    assert.equal((await waiting(app)).length, 0)
    assert.deepEqual([...new Set(mailbox.triedIds())], [`<${id}@matricula.example>`])
  })

  it('arrives once, with the Message-ID of every try, as soon as it is taken', async () => {
    const { mailbox, app, email } = await start()
    mailbox.set('busy')
    const [id] = await queue(app, resetPassword(email, LINK))
    await lookOnce(app)
    assert.match(app.log(), /"attempts":1,"code":"EMESSAGE","responseCode":451,"msg":"mail not sent yet"/)
    mailbox.set('take')
    app.advance(5 * SECOND)
    await lookOnce(app)
    app.advance(HOUR / 2)
    await lookOnce(app)
    assert.deepEqual(mailbox.triedIds(), [`<${id}@matricula.example>`, `<${id}@matricula.example>`])
    assert.equal(mailbox.to(email).length, 1)
    assert.equal((await waiting(app)).length, 0)
  })

  it('is tried again by itself, without anybody asking for anything', async () => {
    const { mailbox, app, email } = await start()
    mailbox.set('busy')
    await queue(app, resetPassword(email, LINK))
    await lookOnce(app)
    mailbox.set('take')
    app.deps.mail.start()
    await mailbox.letterTo(email)
  })

  it('is no mail any more when a link for an hour is over', async () => {
    const { mailbox, app, email } = await start()
    await queue(app, resetPassword(email, LINK), verifyEmail(email, LINK))
    app.advance(HOUR)
    await lookOnce(app)
    assert.deepEqual(
      mailbox.letters.map(({ subject }) => subject),
      ['Confirm your email address'],
    )
    assert.equal((await waiting(app)).length, 0)
  })
})

describe('a refusal for good', () => {
  it('of the recipient ends the mail, and the log does not say who it was', async () => {
    const { mailbox, app, email } = await start()
    mailbox.set('unknown', email)
    const [id] = await queue(app, verifyEmail(email, LINK))
    await lookOnce(app)
    assert.equal((await waiting(app)).length, 0)
    const lines = app.log().split('\n')
    const [line = '', ...more] = lines.filter((one) => one.includes(String(id)))
    assert.match(line, /"kind":"verify-email","attempts":1,"code":"EENVELOPE","responseCode":550,"msg":"mail refused"/)
    assert.equal(more.length, 0)
    assert.equal(app.log().includes(email), false)
    assert.equal(app.log().includes(email.split('@')[0] ?? ''), false)
  })

  for (const [name, manner] of [
    ['the sender, which a setting may change', 'not-you'],
    ['the text, which is no fault of the recipient', 'refuse'],
  ] as const) {
    it(`of ${name}, is not taken for good`, async () => {
      const { mailbox, app, email } = await start()
      mailbox.set(manner)
      await queue(app, verifyEmail(email, LINK))
      await lookOnce(app)
      assert.equal((await waiting(app)).length, 1)
      assert.match(app.log(), /"responseCode":550,"msg":"mail not sent yet"/)
      mailbox.set('take')
      app.advance(5 * SECOND)
      await lookOnce(app)
      assert.equal(mailbox.to(email).length, 1)
      assert.equal((await waiting(app)).length, 0)
    })
  }
})

describe('many mails that nobody takes', () => {
  const STUCK = 12
  const PER_LOOK = 5

  it('hold up no other one for longer than their own turn', async () => {
    const { mailbox, app } = await start()
    const stuck = Array.from({ length: STUCK }, () => somebody('Stuck').email)
    for (const email of stuck) mailbox.set('busy', email)
    await queue(app, ...stuck.map((email) => verifyEmail(email, LINK)))
    for (const round of ['when all are new', 'when all are due again']) {
      app.advance(HOUR)
      const { email } = somebody('Ada')
      await queue(app, verifyEmail(email, LINK))
      for (let looks = 0; looks < Math.ceil((STUCK + 1) / PER_LOOK); looks += 1) await lookOnce(app)
      assert.equal(mailbox.to(email).length, 1, round)
      assert.equal((await waiting(app)).length, STUCK)
    }
  })
})

describe('/health/ready', () => {
  const health = async (app: { url: string }) => {
    const { status, body } = await openBrowser(app).get('/health/ready')
    return { status, mail: (body as { mail: unknown }).mail }
  }

  it('says that mail is off where there is no way to send it', async () => {
    assert.deepEqual(await health(await startApp()), { status: 200, mail: 'off' })
  })

  it('says that mail is fine, also while a new one waits', async () => {
    const { app, email } = await start()
    await queue(app, verifyEmail(email, LINK))
    assert.deepEqual(await health(app), { status: 200, mail: 'ok' })
  })

  it('says that mail is late when it is tried again and again, and is ready all the same', async () => {
    const { mailbox, app, email } = await start()
    mailbox.set('busy')
    await queue(app, verifyEmail(email, LINK))
    await lookOnce(app)
    app.advance(5 * SECOND)
    await lookOnce(app)
    assert.deepEqual(await health(app), { status: 200, mail: 'late' })
  })
})

/**
 * What arrives by SMTP: once, for one person, readable everywhere, and nothing of it is left in the database or the
 * log.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { verifyEmail } from '../../src/mail/letters.ts'
import type { Draft } from '../../src/mail/outbox.ts'
import { startApp } from '../support/app.ts'
import { openMailbox } from '../support/mailbox.ts'
import { allSent, lookOnce, queue, waiting } from '../support/outbox.ts'
import { learner, openBrowser, somebody } from '../support/people.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })
// Only the tests send from the outbox, so that each can see what waits in it.
await app.deps.mail.stop()

const draftFor = (to: string, more: Partial<Draft['mail']> = {}): Draft => {
  const draft = verifyEmail(to, 'https://learn.example.org/a')
  return { ...draft, mail: { ...draft.mail, ...more } }
}

describe('a mail that somebody asked for', () => {
  it('is sealed while it waits, arrives once, and leaves no row behind', async () => {
    const { person } = await learner(app, 'Ada')
    const [row, ...others] = await waiting(app)
    assert.ok(row, 'the mail waits')
    assert.equal(others.length, 0)
    assert.equal(row.kind, 'verify-email')

    await lookOnce(app)
    const [letter, ...more] = mailbox.to(person.email)
    assert.ok(letter, 'the mail arrived')
    assert.equal(more.length, 0)
    assert.equal(letter.messageId, `<${row.id}@matricula.example>`)
    assert.deepEqual(letter.recipients, [person.email])
    assert.equal(letter.to, person.email)
    assert.equal(new URL(letter.link).origin, app.url)
    assert.equal((await waiting(app)).length, 0)

    const token = letter.link.split('/').at(-1) ?? ''
    assert.match(token, /^[A-Za-z0-9]{24}$/)
    const plain = [row.sealed, Buffer.from(row.sealed, 'base64url').toString('latin1'), JSON.stringify(row)].join('\n')
    for (const secret of [person.email, token, 'Confirm', 'link']) {
      assert.equal(plain.replace('verify-email', '').includes(secret), false, `the row shows ${secret}`)
    }
    for (const secret of [person.email, token]) {
      assert.equal(app.log().includes(secret), false, `the log shows ${secret}`)
    }
  })

  it('is a plain mail: text and HTML, sent by a program, with nothing that tells who read it', async () => {
    const { person } = await learner(app, 'Bo')
    await lookOnce(app)
    const letter = await mailbox.letterTo(person.email)
    const head = letter.raw.slice(0, letter.raw.indexOf('\r\n\r\n'))
    assert.match(head, /^From: Matricula <no-reply@matricula\.example>\r$/m)
    assert.match(head, /^To: \S+@example\.org\r$/m)
    assert.match(head, /^Auto-Submitted: auto-generated\r$/m)
    assert.match(head, /^Content-Type: multipart\/alternative;/m)
    assert.match(head, /^Date: /m)
    assert.doesNotMatch(head, /^(X-Mailer|Cc|Bcc|Reply-To|Return-Receipt-To|Disposition-Notification-To|List-\S+):/im)
    assert.equal(letter.raw.split(/^Content-Type: text\/plain; charset=utf-8/m).length, 2)
    assert.equal(letter.raw.split(/^Content-Type: text\/html; charset=utf-8/m).length, 2)
    assert.doesNotMatch(letter.html, /<img|<link|<style|<script|background|url\(/i)
    assert.equal(letter.html.includes(`href="${letter.link}"`), true)
    assert.equal(letter.text.split('\n').includes(letter.link), true)
  })

  it('for an address without an account is sent to nobody and leaves no row either', async () => {
    const before = mailbox.tries()
    const { email } = somebody('Nobody')
    assert.equal((await openBrowser(app).submit('/password-reset', { email })).status, 303)
    const kinds = (await waiting(app)).map(({ kind }) => kind)
    assert.equal(kinds.join(), 'nothing')
    await lookOnce(app)
    assert.equal(mailbox.tries(), before)
    assert.equal((await waiting(app)).length, 0)
  })
})

it('every script arrives as it was written, in subject, text and HTML', async () => {
  const { email } = somebody('Zoe')
  const words = 'Grüße, Привет, 你好, مرحبا, 🤖 ’“”—'
  await queue(app, draftFor(email, { subject: words, text: `${words}\n`, html: `<p>${words}</p>` }))
  await lookOnce(app)
  const letter = await mailbox.letterTo(email)
  assert.equal(letter.subject, words)
  assert.equal(letter.text.trim(), words)
  assert.equal(letter.html.includes(words), true)
  assert.match(letter.raw, /^[\t\r\n -~]+$/)
})

describe('[T24] one mail is for one person, whatever stands in', () => {
  const other = 'other@evil.example'
  for (const [name, mail] of Object.entries<Partial<Draft['mail']>>({
    'an address with a header': { to: `a@example.org\r\nBcc: ${other}` },
    'an address with a command': { to: `a@example.org>\r\nRCPT TO:<${other}` },
    'two addresses with a comma': { to: `a@example.org, ${other}` },
    'two addresses with a semicolon': { to: `a@example.org;${other}` },
    'a name and an address': { to: `${other} <a@example.org>` },
    'a group': { to: `all: ${other}, a@example.org;` },
    'a subject with a header': { subject: `Hello\r\nBcc: ${other}\r\nX: y` },
    'a subject with a body': { subject: `Hello\r\n\r\n<p>${other}</p>` },
    'a text with the end of the mail': { text: `Hello\r\n.\r\nMAIL FROM:<x@y.example>\r\nRCPT TO:<${other}>\r\n` },
  })) {
    it(name, async () => {
      const before = mailbox.letters.length
      const { email } = somebody('Ada')
      await queue(app, draftFor(mail.to ?? email, mail))
      await lookOnce(app)
      const arrived = mailbox.letters.slice(before)
      assert.equal(arrived.length <= 1, true)
      for (const { recipients, raw } of arrived) {
        assert.equal(recipients.length, 1)
        assert.doesNotMatch(raw.slice(0, raw.indexOf('\r\n\r\n')), /^(Bcc|X):/im)
        assert.equal(recipients[0] === other, false)
      }
      if (mail.to === undefined) assert.deepEqual(arrived[0]?.recipients, [email])
      // A mail that no server accepts would be tried again until it expires.
      await app.sql`delete from outbox`
    })
  }
})

it('an app that sends by itself leaves nothing behind', async () => {
  app.deps.mail.start()
  const people = await Promise.all(['Cy', 'Di', 'Ed'].map((name) => learner(app, name)))
  await allSent(app)
  for (const { person } of people) assert.equal(mailbox.to(person.email).length, 1)
})

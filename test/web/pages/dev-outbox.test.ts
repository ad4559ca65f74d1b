/** In development mails are files, and a page shows them. A server that sends its mails has neither. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { verifyEmail } from '../../../src/mail/letters.ts'
import { emailChanged } from '../../../src/mail/notices.ts'
import { BEHIND_TLS, startApp } from '../../support/app.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { allSent, lookOnce, queue } from '../../support/outbox.ts'
import { learner, openBrowser, somebody } from '../../support/people.ts'

const parent = mkdtempSync(join(tmpdir(), 'matricula-outbox-'))
after(() => rmSync(parent, { recursive: true, force: true }))
const directory = join(parent, 'outbox')
const app = await startApp({ NODE_ENV: 'development', MAIL_DIRECTORY: directory }, { atPublicUrl: true })
const visitor = openBrowser(app)

const shown = async () =>
  parse((await visitor.get('/dev/outbox')).text)
    .querySelectorAll('article.mail')
    .map((article) => ({
      subject: article.querySelector('h2')?.text,
      to: article.querySelector('.hint')?.text,
      links: article.querySelectorAll('a').map((link) => link.getAttribute('href') ?? ''),
      text: article.text,
    }))

describe('in development', () => {
  it('the page says that there is no mail yet', async () => {
    const page = await visitor.get('/dev/outbox')
    assert.equal(page.status, 200)
    assert.match(page.text, /There is none yet/)
    assert.equal(page.text.includes(directory), true)
  })

  it('a mail is a file that reads like a mail, for its owner alone', async () => {
    const { person } = await learner(app, 'Ada')
    await allSent(app)
    const [file, ...more] = await readdir(directory)
    assert.match(file ?? '', /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z-[A-Za-z0-9]{8}\.txt$/)
    assert.equal(more.length, 0)
    const path = join(directory, file ?? '')
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    assert.equal((await stat(directory)).mode & 0o777, 0o700)
    const lines = (await readFile(path, 'utf8')).split('\n')
    assert.equal(lines[0], `To: ${person.email}`)
    assert.equal(lines[1], 'Subject: Confirm your email address')
    assert.match(lines[2] ?? '', /^Date: .+ GMT$/)
    assert.deepEqual(lines.slice(3, 6), ['', 'Hello,', ''])
    assert.equal(lines.filter((line) => line.startsWith(`${app.url}/email-verification/link/`)).length, 1)
  })

  it('the page shows the newest mail first, and its link can be followed', async () => {
    const { person } = await learner(app, 'Bo')
    await allSent(app)
    app.advance(1_000)
    await visitor.submit('/password-reset', { email: person.email })
    await allSent(app)
    const [newest, before] = await shown()
    assert.equal(newest?.subject, 'Reset your password')
    assert.equal(newest?.to?.includes(person.email), true)
    assert.equal(before?.subject, 'Confirm your email address')
    assert.equal(newest?.links.length, 1)
    const opened = await visitor.get(newest?.links[0] ?? '')
    assert.equal(opened.headers.location, '/password-reset/new')
    assert.equal((await visitor.get('/password-reset/new')).status, 200)
  })

  it('a mail to nobody is no file', async () => {
    const before = (await readdir(directory)).length
    await visitor.submit('/password-reset', { email: somebody('Nobody').email })
    await allSent(app)
    assert.equal((await readdir(directory)).length, before)
  })

  it('whatever stands in a mail stays text', async () => {
    app.advance(1_000)
    const hostile = '<script>alert(1)</script>"><img src=x>@example.org'
    const link = 'https://learn.example.org/"><script>alert(2)</script>'
    await queue(app, emailChanged(hostile, { newEmail: hostile, link }))
    app.deps.mail.wake()
    await allSent(app)
    const page = parse((await visitor.get('/dev/outbox')).text)
    const [article] = page.querySelectorAll('article.mail')
    assert.equal(article?.querySelectorAll('script, img').length, 0)
    assert.equal(article?.text.includes('alert(1)'), true)
    assert.equal(page.querySelectorAll('script:not([src])').length, 0)
  })

  it('with a folder that cannot be written to, the mail waits until it can', async () => {
    const blocked = await startApp({
      NODE_ENV: 'development',
      MAIL_DIRECTORY: join(directory, (await readdir(directory))[0] ?? '', 'below-a-file'),
    })
    await blocked.deps.mail.stop()
    await queue(blocked, verifyEmail(somebody('Cy').email, 'https://learn.example.org/a'))
    await lookOnce(blocked)
    assert.match(blocked.log(), /"code":"ENOTDIR","msg":"mail not sent yet"/)
    assert.match((await openBrowser(blocked).get('/dev/outbox')).text, /There is none yet/)
  })

  it('nothing but reading is possible', async () => {
    for (const method of ['post', 'put', 'delete', 'patch'] as const) {
      const { status } = await visitor.agent[method]('/dev/outbox').ok(() => true)
      assert.equal([403, 405].includes(status), true, `${method} answered ${status}`)
    }
    for (const path of ['/dev/outbox/..%2f..%2fetc%2fpasswd', '/dev/outbox/mail.txt', '/dev']) {
      assert.equal((await visitor.get(path)).status, 404)
    }
  })
})

describe('there is no such page', () => {
  it('where mails are sent, in any environment', async () => {
    const mailbox = await openMailbox()
    const smtp = { SMTP_URL: mailbox.url, MAIL_FROM: 'no-reply@matricula.example' }
    const production = await startApp({ NODE_ENV: 'production', ...BEHIND_TLS, ...smtp })
    const secure = openBrowser(production, { 'X-Forwarded-Proto': 'https' })
    assert.equal((await secure.get('/dev/outbox')).status, 404)
    for (const NODE_ENV of ['test', 'development']) {
      assert.equal((await openBrowser(await startApp({ NODE_ENV, ...smtp })).get('/dev/outbox')).status, 404)
    }
  })

  it('in production and in tests, without mail either', async () => {
    const production = await startApp({ NODE_ENV: 'production', ...BEHIND_TLS })
    const secure = openBrowser(production, { 'X-Forwarded-Proto': 'https' })
    assert.equal((await secure.get('/dev/outbox')).status, 404)
    assert.equal((await openBrowser(await startApp()).get('/dev/outbox')).status, 404)
  })
})

/** The mailed link: opening it changes nothing and shows its token to nobody. And what the page of a dead link says. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { startApp } from '../../support/app.ts'
import { type Letter, openMailbox } from '../../support/mailbox.ts'
import {
  askForReset,
  confirm,
  headingOf,
  leads,
  NEW_PASSWORD,
  open,
  pathOf,
  RESET,
  resetBy,
  secretOf,
} from '../../support/mailed.ts'
import { type Browser, learner, openBrowser, type Person, somebody } from '../../support/people.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })
const HOUR = 60 * 60_000

describe('opening the link', () => {
  it('[T06] changes nothing, however often a mail scanner does it', async () => {
    const { person } = await learner(app, 'Ada')
    const browser = openBrowser(app)
    const letter = await askForReset(browser, mailbox, person.email)
    const scanner = openBrowser(app)
    for (let time = 0; time < 5; time += 1) {
      await open(scanner, letter)
      const head = await scanner.agent.head(pathOf(letter)).redirects(0)
      assert.equal(head.status, 303)
      assert.equal((await scanner.agent.head(RESET.page).redirects(0)).status, 200)
    }
    const [{ used } = { used: 0 }] = await app.sql<{ used: number }>`
      select count(*)::int as used from email_tokens where used_at is not null`
    assert.equal(used, 0)
    assert.equal((await openBrowser(app).logIn(person)).status, 303)
    assert.equal((await resetBy(browser, letter)).status, 303)
  })

  it('[T07, T08] takes the token out of the address at once, and into no page, header or log', async () => {
    const { person } = await learner(app, 'Ada')
    const browser = openBrowser(app)
    const letter = await askForReset(browser, mailbox, person.email)
    const token = secretOf(letter)
    const opened = await browser.get(pathOf(letter))
    assert.deepEqual(leads(opened), [303, '/password-reset/new'])
    assert.equal(opened.headers['cache-control'], 'no-store')
    assert.equal(opened.headers['referrer-policy'], 'same-origin')
    const [cookie = ''] = [opened.headers['set-cookie']].flat()
    assert.match(
      cookie,
      /^matricula-link=[\w-]+; Max-Age=3600; Path=\/password-reset; Expires=.*; HttpOnly; SameSite=Lax$/,
    )

    const answers = [
      await browser.get(RESET.page),
      await browser.submit(RESET.page, { password: 'short' }),
      await browser.submit(RESET.page, { password: NEW_PASSWORD }),
      await browser.submit(RESET.page, { password: NEW_PASSWORD }),
      await browser.get('/login?done=password-reset'),
    ]
    for (const { text, headers } of [opened, ...answers]) {
      assert.equal(text.includes(token), false)
      assert.equal(String(headers.location).includes(token), false)
      for (const [, address = ''] of text.matchAll(/(?:href|src|action)="([^"]*)"/g)) assert.match(address, /^[/#]/)
    }
    assert.match(app.log(), /\/password-reset\/link\/:token/)
    const secrets = [token, createHash('sha256').update(token).digest('base64url'), NEW_PASSWORD, person.email]
    for (const secret of secrets) assert.equal(app.log().includes(secret), false)
  })

  it('[T05] finds its token in the table only as a hash', async () => {
    const { person } = await learner(app, 'Ada')
    const letter = await askForReset(openBrowser(app), mailbox, person.email)
    const token = secretOf(letter)
    assert.match(token, /^[A-Za-z0-9]{24}$/)
    const rows = await app.sql<{ tokenHash: string; row: string }>`
      select token_hash, t::text as row from email_tokens t where purpose = 'reset-password' and email = ${person.email}`
    assert.deepEqual(
      rows.map(({ tokenHash }) => tokenHash),
      [createHash('sha256').update(token).digest('base64url')],
    )
    assert.equal(rows[0]?.row.includes(token), false)
  })
})

describe('a link is good for one hour', () => {
  it('[T03] to the second', async () => {
    const { person } = await learner(app, 'Ada')
    const browser = openBrowser(app)
    const letter = await askForReset(browser, mailbox, person.email)
    app.advance(HOUR - 2_000)
    assert.equal((await open(browser, letter)).status, 200)
    app.advance(3_000)
    const { status, text } = await open(browser, letter)
    assert.deepEqual([status, headingOf({ text })], [410, 'This link has expired'])
  })

  it('also when the page was opened in time and the button pressed too late', async () => {
    const { person } = await learner(app, 'Ada')
    const browser = openBrowser(app)
    await open(browser, await askForReset(browser, mailbox, person.email))
    const token = await browser.token(RESET.page)
    app.advance(HOUR + 1_000)
    const late = await browser.post(RESET.page, { password: NEW_PASSWORD, _csrf: token })
    assert.equal(late.status, 410)
    assert.equal((await openBrowser(app).logIn(person)).status, 303)
  })
})

describe('[T04] a dead link says what became of it and offers a new one', () => {
  type Story = { person: Person; own: Browser; browser: Browser; letter: Letter }
  const DEAD: Record<string, { after: (story: Story) => Promise<unknown>; heading: string }> = {
    'one that expired': {
      after: async () => app.advance(HOUR + 1_000),
      heading: 'This link has expired',
    },
    'one that was used': {
      after: ({ browser, letter }) => resetBy(browser, letter),
      heading: 'This link has been used',
    },
    'one after which a newer was asked for': {
      after: ({ browser, person }) => askForReset(browser, mailbox, person.email, 2),
      heading: 'This link has been replaced',
    },
    'one from before the password was changed': {
      after: async ({ own, person }) => {
        const change = { currentPassword: person.password, newPassword: NEW_PASSWORD }
        assert.equal((await own.submit('/account/password-change', change)).status, 303)
      },
      heading: 'This link has been replaced',
    },
  }
  for (const [name, { after, heading }] of Object.entries(DEAD)) {
    it(name, async () => {
      const { person, browser: own } = await learner(app, 'Ada')
      const browser = openBrowser(app)
      const letter = await askForReset(browser, mailbox, person.email)
      await after({ person, own, browser, letter })
      const page = await open(browser, letter)
      assert.deepEqual([page.status, headingOf(page)], [410, heading])
      const { status } = await browser.submitTo(RESET.page, RESET.page, { password: 'not set by this amber link' })
      assert.equal(status, 410)
      const form = parse(page.text).querySelector('#again-form')
      assert.equal(form?.getAttribute('method'), 'post')
      assert.equal(form?.querySelector('button')?.text, 'Send me a new link')

      const letters = mailbox.to(person.email, RESET.subject).length
      const again = await browser.submitTo(RESET.page, form?.getAttribute('action') ?? '')
      assert.deepEqual(leads(again), [303, '/password-reset/sent'])
      const fresh = await mailbox.letterTo(person.email, RESET.subject, letters + 1)
      const done = await resetBy(browser, fresh, 'seven quiet amber kites')
      assert.deepEqual(leads(done), [303, '/login?done=password-reset'])
    })
  }

  it('one from before the address was changed', async () => {
    const { person, browser: own } = await learner(app, 'Ada')
    const letter = await askForReset(openBrowser(app), mailbox, person.email)
    const { email } = somebody('Ada')
    await own.submit('/account/email-change', { email })
    await confirm(own, await mailbox.letterTo(email))
    const finder = openBrowser(app)
    const page = await open(finder, letter)
    assert.deepEqual([page.status, headingOf(page)], [410, 'This link has been replaced'])
    assert.equal(page.text.includes(email), false)
    // Whoever reads the old mailbox neither gets the new link nor learns the new address.
    await finder.submitTo(RESET.page, '/password-reset/again')
    const fresh = await mailbox.letterTo(email, RESET.subject)
    assert.deepEqual(fresh.recipients, [email])
    assert.equal((await finder.get('/password-reset/sent')).text.includes(email), false)
  })

  it('one that asks for a new one too often gets the same answer, and no more letters', async () => {
    const { person } = await learner(app, 'Ada')
    const browser = openBrowser(app)
    await resetBy(browser, await askForReset(browser, mailbox, person.email))
    await open(browser, await mailbox.letterTo(person.email, RESET.subject))
    for (let time = 0; time < 6; time += 1) {
      const again = await browser.submitTo('/login', '/password-reset/again')
      assert.deepEqual(leads(again), [303, '/password-reset/sent'])
      await mailbox.letterTo(person.email, RESET.subject, Math.min(3, time + 2))
    }
    assert.equal((await resetBy(browser, await mailbox.letterTo(person.email, RESET.subject, 3))).status, 303)
  })
})

/** Section T of docs/threats.md, where no other test shows it: clocks that differ, a login meanwhile, damaged addresses. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startApp, type TestApp } from '../support/app.ts'
import { type Letter, openMailbox } from '../support/mailbox.ts'
import {
  askForReset,
  headingOf,
  NEW_PASSWORD,
  open,
  pathOf,
  RESET,
  resetBy,
  secretOf,
  VERIFY,
} from '../support/mailed.ts'
import { learner, openBrowser, PASSWORD } from '../support/people.ts'
import { exchange, sendBytes } from '../support/raw-http.ts'
import { HOUR, MINUTE, SECOND } from '../support/tokens.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })
const DIFFERENCE = 4 * MINUTE

describe('two servers whose clocks differ by four minutes', async () => {
  const same = { databaseUrl: app.databaseUrl, atPublicUrl: true, mailbox }
  const [ahead, behind] = [await startApp({}, same), await startApp({}, same)]
  ahead.advance(DIFFERENCE)
  const stateAt = async (server: TestApp, letter: Letter) => {
    const page = await open(openBrowser(server), letter)
    return page.status === 200 ? 'good' : headingOf(page)
  }
  const advance = (milliseconds: number) => {
    for (const server of [ahead, behind]) server.advance(milliseconds)
  }

  it('[T03] end a link within those four minutes, and never later than its hour by the clock that made it', async () => {
    const { person } = await learner(behind, 'Ada')
    const letter = await askForReset(openBrowser(behind), mailbox, person.email)
    advance(HOUR - DIFFERENCE - 5 * SECOND)
    assert.deepEqual([await stateAt(ahead, letter), await stateAt(behind, letter)], ['good', 'good'])
    advance(10 * SECOND)
    assert.deepEqual([await stateAt(ahead, letter), await stateAt(behind, letter)], ['This link has expired', 'good'])
    advance(DIFFERENCE)
    for (const server of [ahead, behind]) assert.equal(await stateAt(server, letter), 'This link has expired')
  })

  it('[T01, T03] take a link once between them, whichever is first', async () => {
    for (const [first, second] of [
      [ahead, behind],
      [behind, ahead],
    ] as const) {
      const { person } = await learner(behind, 'Ada')
      const letter = await askForReset(openBrowser(ahead), mailbox, person.email)
      assert.equal((await resetBy(openBrowser(first), letter)).status, 303)
      assert.equal((await resetBy(openBrowser(second), letter, 'not set by this amber link')).status, 410)
      assert.equal((await openBrowser(second).logIn({ ...person, password: NEW_PASSWORD })).status, 303)
    }
  })
})

describe('a login', () => {
  it('[T04] ends no link: whoever remembers the password may still use it, and then both are the same person', async () => {
    const { person } = await learner(app, 'Ada')
    const letter = await askForReset(openBrowser(app), mailbox, person.email)
    const browser = openBrowser(app)
    assert.equal((await browser.logIn(person)).status, 303)
    assert.equal((await resetBy(openBrowser(app), letter)).status, 303)
    assert.equal(await browser.whoAmI(), undefined)
    assert.equal((await openBrowser(app).logIn(person)).status, 422)
  })
})

/** As mail programs, people and scanners change an address. None of them may bring the token into the log or onto a page. */
const DAMAGED: Record<string, (path: string) => string> = {
  'with the full stop of a sentence': (path) => `${path}.`,
  'with a bracket': (path) => `${path}%3E`,
  'with a slash at its end': (path) => `${path}/`,
  'with a space at its end': (path) => `${path}%20`,
  'with two slashes': (path) => `/${path}`,
  'with two slashes within': (path) => path.replace('/link/', '/link//'),
  'in capitals': (path) => path.replace('/link/', '/LINK/'),
  'with a parameter': (path) => `${path};a=b`,
  'with a question': (path) => `${path}?utm_source=mail`,
  'within a question': (path) => `/login?next=${encodeURIComponent(path)}`,
  'one step up': (path) => path.replace('/link/', '/link/../link/'),
  'with a letter more': (path) => `${path}A`,
  'twice in a row': (path) => path + path,
  'in another folder': (path) => `/lessons${path}`,
  'as a file': (path) => `/assets${path}.css`,
  'of the API': (path) => `/api/auth${path}`,
  'with a broken escape': (path) => `${path}%`,
  'for another purpose': (path) => path.replace(/^\/[a-z-]+/, '/not-me'),
}

describe('the address of a link that was damaged', async () => {
  const { person } = await learner(app, 'Ada')
  const letter = await askForReset(openBrowser(app), mailbox, person.email)
  const token = secretOf(letter)

  for (const [name, damage] of Object.entries(DAMAGED)) {
    it(`[T08] ${name} is in no log and on no page`, async () => {
      const path = damage(pathOf(letter))
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'OPTIONS']) {
        const { status, text } = await exchange(app, path, { method })
        assert.ok(status < 500, `${method} ${status}`)
        // What leads on, or back to the address itself, is for whoever has it in the address bar already.
        if (method === 'GET' && status >= 400) assert.equal(text.includes(token), false, 'the page shows it')
      }
      assert.equal(app.log().includes(token), false)
    })
  }

  it('[T08] in a request that cannot be read, or for another host, is in no log either', async () => {
    const path = pathOf(letter)
    for (const bytes of [
      `GET ${path} HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      `GET ${path} x HTTP/1.1\r\nHost: a\r\n\r\n`,
      `GET http://evil.example${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
      `GET ${path} HTTP/1.1\r\n\r\n`,
      `GET ${path} HTTP/1.1\r\nHost: a\r\nReferer: ${path}\r\nUser-Agent: ${path}\r\nConnection: close\r\n\r\n`,
    ]) {
      await sendBytes(app, bytes)
    }
    assert.equal(app.log().includes(token), false)
  })

  it('[T06] has used nothing up', async () => {
    assert.equal((await resetBy(openBrowser(app), letter)).status, 303)
  })
})

it('[T10] a link to confirm an address confirms no other, whatever its form and its address name', async () => {
  const { person: ada } = await learner(app, 'Ada')
  const { person: ben } = await learner(app, 'Ben')
  const [row] = await app.sql<{ id: string }>`select id from users where email = ${ben.email}`
  const browser = openBrowser(app)
  await open(browser, await mailbox.letterTo(ada.email, VERIFY.subject))
  const more = { email: ben.email, userId: row?.id ?? '', user_id: row?.id ?? '', id: row?.id ?? '' }
  const query = new URLSearchParams(more).toString()
  const done = await browser.submit(`${VERIFY.page}?${query}`, { password: PASSWORD, ...more })
  assert.equal(done.status, 303)
  const confirmed = await app.sql<{ email: string }>`
    select email from users where email_verified and email in (${ada.email}, ${ben.email})`
  assert.deepEqual(
    confirmed.map(({ email }) => email),
    [ada.email],
  )
  assert.equal((await open(openBrowser(app), await mailbox.letterTo(ben.email, VERIFY.subject))).status, 200)
})

it('[T16] a link to reset a password is no mistake to open again, before it was used', async () => {
  const { person } = await learner(app, 'Ada')
  const letter = await askForReset(openBrowser(app), mailbox, person.email)
  const [one, other] = [openBrowser(app), openBrowser(app)]
  for (const browser of [one, other, one]) assert.equal((await open(browser, letter)).status, 200)
  assert.equal((await one.submit(RESET.page, { password: NEW_PASSWORD })).status, 303)
})

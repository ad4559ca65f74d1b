/** Guessing passwords through the API: counted together with the pages, and answered the same for every address. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { call, refusalOf } from '../../support/calls.ts'
import { watchHashing } from '../../support/hashing.ts'
import { comingBack, learner, openBrowser, type Person, somebody } from '../../support/people.ts'
import { type Answer, exchange } from '../../support/raw-http.ts'
import { setCookieOf } from '../../support/sessions.ts'

const app = await startApp({}, { atPublicUrl: true })
const hashing = watchHashing()

const TRIES = 10
const PAUSED = { status: 429, code: 'RATE_LIMITED', message: 'Too many requests. Please try again later.' }
const WRONG = { status: 401, code: 'INVALID_EMAIL_OR_PASSWORD', message: 'Invalid email or password' }
const SIGN_IN = '/api/auth/sign-in/email'

const onTheApi = (person: Person, password: string) => openApi(app).signIn({ ...person, password })
const onThePage = (person: Person, password: string) => openBrowser(app).logIn({ ...person, password })

function assertPaused(response: Awaited<ReturnType<typeof onTheApi>>) {
  assert.deepEqual(refusalOf(response), PAUSED)
  assert.match(response.headers['retry-after'] ?? '', /^[1-9]\d*$/)
  assert.equal(response.headers['x-retry-after'], response.headers['retry-after'])
  assert.equal(response.headers['cache-control'], 'no-store')
  assert.equal(response.headers['content-type'], 'application/json')
  assert.equal(setCookieOf(response), undefined)
}

describe('ten wrong passwords', () => {
  it('[R01, R22] on the API stop the API, for the right one too, without a look at it', async () => {
    const { person } = await learner(app, 'Ada')
    for (let tries = 0; tries < TRIES; tries += 1) {
      assert.deepEqual(refusalOf(await onTheApi(person, 'not the password')), WRONG)
    }
    const hashes = hashing.started
    assertPaused(await onTheApi(person, person.password))
    assertPaused(await onTheApi({ ...person, email: person.email.toUpperCase() }, person.password))
    assert.equal(hashing.started, hashes)
  })

  it('[R21] on the API stop the login page', async () => {
    const { person } = await learner(app, 'Ada')
    for (let tries = 0; tries < TRIES; tries += 1) await onTheApi(person, 'not the password')
    const response = await onThePage(person, person.password)
    assert.equal(response.status, 429)
    assert.match(response.headers['retry-after'] ?? '', /^[1-9]\d*$/)
  })

  it('[R21] on the login page stop the API', async () => {
    const { person } = await learner(app, 'Ada')
    for (let tries = 0; tries < TRIES; tries += 1) {
      assert.equal((await onThePage(person, 'not the password')).status, 422)
    }
    assertPaused(await onTheApi(person, person.password))
  })

  it('half here and half there stop both', async () => {
    const { person } = await learner(app, 'Ada')
    for (let tries = 0; tries < TRIES / 2; tries += 1) {
      await onThePage(person, 'not the password')
      await onTheApi(person, 'not the password')
    }
    assertPaused(await onTheApi(person, person.password))
    assert.equal((await onThePage(person, person.password)).status, 429)
  })

  it('at once are ten and not one more', async () => {
    const { person } = await learner(app, 'Ada')
    const responses = await Promise.all(
      Array.from({ length: 30 }, () => comingBack(() => onTheApi(person, 'not the password'))),
    )
    const statuses = responses.map(({ status }) => status)
    assert.equal(statuses.filter((status) => status === 401).length, TRIES)
    assert.equal(statuses.filter((status) => status === 429).length, 20)
  })

  it('leave the sessions that are open open, and another person alone', async () => {
    const { person, browser } = await learner(app, 'Ada')
    for (let tries = 0; tries <= TRIES; tries += 1) await onTheApi(person, 'not the password')
    assert.equal(await browser.whoAmI(), 'Ada')
    const { person: ben } = await learner(app, 'Ben')
    assert.equal((await onTheApi(ben, ben.password)).status, 200)
  })

  it('are forgotten after the right one', async () => {
    const { person } = await learner(app, 'Ada')
    for (let round = 0; round < 2; round += 1) {
      for (let tries = 0; tries < TRIES - 1; tries += 1) await onTheApi(person, 'not the password')
      assert.equal((await onTheApi(person, person.password)).status, 200)
    }
  })
})

describe('a call that is refused before its password is looked at', () => {
  it('[R19] is neither counted nor hashed', async () => {
    const { person } = await learner(app, 'Ada')
    await app.sql`delete from rate_limits`
    const hashes = hashing.started
    const body = JSON.stringify({ email: person.email, password: 'not the password' })
    const calls = [
      { headers: { 'Content-Type': 'text/plain' }, body },
      { body: body.slice(0, -1) },
      { headers: { Origin: 'https://evil.example' }, body },
      { headers: { Cookie: 'a=b' }, body },
      { body: { email: person.email } },
      { body: { email: 'ada', password: 'not the password' } },
      { body: { email: person.email, password: 'x'.repeat(10_000) } },
      { body: { email: person.email, password: 'not the password', callbackURL: 'https://evil.example' } },
    ]
    for (const one of calls) {
      const { status } = await call(app, SIGN_IN, { ...one, method: 'POST' })
      assert.ok([400, 403, 415].includes(status), `${status}: ${JSON.stringify(one)}`)
    }
    assert.equal(hashing.started, hashes)
    const [counted] = await app.sql<{ count: number }>`select count(*)::int from rate_limits`
    assert.equal(counted?.count, 0)
  })
})

/** Everything in an answer that a caller could compare. */
function seen({ status, headers, text }: Answer) {
  const { date: _, 'x-request-id': __, ...same } = headers
  return { status, headers: same, text }
}

describe('an unknown address', () => {
  it('[E01] is answered like a wrong password: same status, body and headers, and the same work', async () => {
    const { person } = await learner(app, 'Ada')
    const guess = async ({ email }: Person) => {
      const hashes = hashing.started
      const answer = seen(await call(app, SIGN_IN, { body: { email, password: 'not the password' } }))
      return { ...answer, hashes: hashing.started - hashes }
    }
    const known = await guess(person)
    assert.equal(known.status, 401)
    assert.equal(known.hashes, 1)
    assert.deepEqual(await guess(somebody('Nobody')), known)
  })

  it('[E08] is paused like one that is known', async () => {
    const { person } = await learner(app, 'Ada')
    const answers: ReturnType<typeof seen>[] = []
    for (const { email } of [person, somebody('Nobody')]) {
      const body = JSON.stringify({ email, password: 'not the password' })
      const headers = { 'Content-Type': 'application/json' }
      const guess = () => exchange(app, SIGN_IN, { method: 'POST', headers, body })
      for (let tries = 0; tries < TRIES; tries += 1) assert.equal((await guess()).status, 401)
      const answer = seen(await guess())
      // The seconds that are left depend on when it was asked.
      assert.match(answer.headers['retry-after'] ?? '', /^[1-9]\d*$/)
      answers.push({ ...answer, headers: { ...answer.headers, 'retry-after': '', 'x-retry-after': '' } })
    }
    assert.equal(answers[0]?.status, 429)
    assert.deepEqual(answers[1], answers[0])
  })
})

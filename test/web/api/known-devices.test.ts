/** Devices that have signed in through the API are known too, and strangers cannot keep them out. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { apiLearner, apiOf, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { refusalOf } from '../../support/calls.ts'
import { haveFailed, shutStrangersOut, stranger } from '../../support/guessing.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { NEW_PASSWORD, open } from '../../support/mailed.ts'
import { type Person, somebody } from '../../support/people.ts'

const mailbox = await openMailbox()
const app = await startApp({ TRUST_PROXY: '1' }, { atPublicUrl: true, mailbox })
const LIMITED = { status: 429, code: 'RATE_LIMITED', message: 'Too many requests. Please try again later.' }

/** A client that no account knows, in a network of its own, with a browser that shares its cookies. */
function newClient() {
  const browser = stranger(app)
  return { browser, api: apiOf(app, browser) }
}

async function isKnownTo(api: ReturnType<typeof openApi>, person: Person): Promise<boolean> {
  await shutStrangersOut(app, person)
  const { status } = await api.signIn(person)
  await app.deps.rateLimits.clear('failuresByAddress', person.email)
  return status === 200
}

it('a sign-up and a sign-in make the device known, on the pages too', async () => {
  const { person, api } = await apiLearner(app, 'Ada')
  assert.equal(await isKnownTo(api, person), true)
  const { browser, api: phone } = newClient()
  assert.equal(await isKnownTo(phone, person), false)
  await phone.signIn(person)
  await phone.post('/api/auth/sign-out', {})
  await shutStrangersOut(app, person)
  assert.equal((await browser.logIn(person)).status, 303)
})

it('strangers are refused with the code of a limit, and a word on what their owner can do', async () => {
  const { person } = await apiLearner(app, 'Ada')
  const refusals = []
  for (const { email } of [person, somebody('Nobody')]) {
    await shutStrangersOut(app, { email })
    const response = await openApi(app).signIn({ email, password: person.password })
    assert.deepEqual(refusalOf(response), LIMITED)
    assert.match(response.headers['retry-after'] ?? '', /^[1-9]\d*$/)
    assert.equal(response.headers['x-retry-after'], response.headers['retry-after'])
    assert.ok(response.body.detail.includes(`${app.url}/new-device`), response.text)
    refusals.push(response.text)
  }
  assert.equal(refusals[1], refusals[0])
})

it('the link of a mail lets a client in whose browser opened it', async () => {
  const { person } = await apiLearner(app, 'Ada')
  await shutStrangersOut(app, person)
  const { browser, api } = newClient()
  await browser.submit('/new-device', { email: person.email })
  await open(browser, await mailbox.letterTo(person.email, /Log in from a new device/))
  await browser.submit('/new-device/confirm', {})
  assert.equal((await api.signIn(person)).status, 200)
})

it('the hundredth wrong password tells the owner, wherever it was typed', async () => {
  const { person } = await apiLearner(app, 'Ada')
  await haveFailed(app, 'failuresByAddress', person.email, 99)
  assert.equal((await openApi(app).signIn({ ...person, password: 'not the password' })).status, 401)
  assert.deepEqual(refusalOf(await openApi(app).signIn(person)), LIMITED)
  await mailbox.letterTo(person.email, /Too many wrong passwords/)
})

for (const [name, revokeOtherSessions] of [
  ['with', true],
  ['without', false],
] as const) {
  it(`changing the password ${name} revokeOtherSessions leaves only this device known`, async () => {
    const { person, api } = await apiLearner(app, 'Ada')
    const { api: phone } = newClient()
    await phone.signIn(person)
    const body = { currentPassword: person.password, newPassword: NEW_PASSWORD, revokeOtherSessions }
    assert.equal((await api.post('/api/auth/change-password', body)).status, 200)
    const changed = { ...person, password: NEW_PASSWORD }
    assert.equal(await isKnownTo(api, changed), true)
    assert.equal(await isKnownTo(phone, changed), false)
  })
}

for (const [path, staysKnown] of [
  ['revoke-other-sessions', true],
  ['revoke-sessions', false],
] as const) {
  it(`${path} makes the other devices strangers${staysKnown ? '' : ', and this one too'}`, async () => {
    const { person, api } = await apiLearner(app, 'Ada')
    const { api: phone } = newClient()
    await phone.signIn(person)
    assert.equal((await api.post(`/api/auth/${path}`, {})).status, 200)
    assert.equal(await isKnownTo(api, person), staysKnown)
    assert.equal(await isKnownTo(phone, person), false)
  })
}

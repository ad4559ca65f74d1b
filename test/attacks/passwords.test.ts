/** Section P of docs/threats.md, where no other test shows it: by the API as on pages, in every list, and the same again. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { dictionary } from '@zxcvbn-ts/language-common'
import { apiLearner, bearer, openApi } from '../support/api.ts'
import { startApp } from '../support/app.ts'
import { call } from '../support/calls.ts'
import { learner, openBrowser, PASSWORD, problemsOf, somebody } from '../support/people.ts'
import { sessionsOf } from '../support/sessions.ts'
import { firstPair, refresh } from '../support/tokens.ts'

const app = await startApp({}, { atPublicUrl: true })
const CHANGE = '/account/password-change'
const COMMON = /Do not use a very common password/

describe('a password with half a character', () => {
  const HALVES = ['plain \ud800 copper', 'plain copper\ud801', '\udc00plain copper', 'plain \udc00\ud800 copper']

  it('[P07] is none at a sign-up by the API, so no other half opens the account', async () => {
    for (const password of HALVES) {
      const person = { ...somebody('Ada'), password }
      const { status, body } = await openApi(app).signUp(person)
      assert.deepEqual([status, body.code], [400, 'VALIDATION_ERROR'])
      assert.equal((await openApi(app).signIn({ ...person, password: 'plain \ud801 copper' })).status, 401)
    }
  })

  it('[P07] does not open an account whose password has another character in its place', async () => {
    for (const instead of ['\ufffd', '?', '\ud83e\udd16']) {
      const person = { ...somebody('Ada'), password: `plain ${instead} copper` }
      const signedUp = await openApi(app).signUp(person)
      if (instead === '\ufffd') assert.equal(signedUp.status, 400)
      else assert.equal(signedUp.status, 200)
      for (const half of ['\ud800', '\ud83e', '\udd16']) {
        const { status } = await openApi(app).signIn({ ...person, password: `plain ${half} copper` })
        assert.equal(status, 401)
      }
    }
  })
})

/** Every fiftieth of the listed passwords that are long enough: they are refused before anything is counted or hashed. */
const LISTED = (dictionary['passwords-common'] ?? []).map(String).filter((password) => password.length >= 8)
const SAMPLE = LISTED.filter((_, index) => index % 50 === 0)

/** What somebody makes of a common password to get past a list. */
const DISGUISED = [
  'passwordpassword',
  'matriculamatricula',
  'Matricula Matricula',
  'password1password1',
  'sunshine1 sunshine1',
  'qwertyuiopqwertyuiop',
  '1q2w3e4r5t1q2w3e4r5t1q2w3e4r5t',
  'ｐａｓｓｗｏｒｄ',
  'ＭａｔｒｉｃＵｌａ２０２６',
  '１２３４５６７８９',
  '  password  ',
]

describe('a password that everybody uses', () => {
  it('[P09] is refused, whichever of the list it is, at a sign-up by the API', async () => {
    assert.ok(SAMPLE.length > 100, `${SAMPLE.length} of ${LISTED.length}`)
    for (const password of SAMPLE) {
      const { status, body } = await openApi(app).signUp({ ...somebody('Ada'), password })
      assert.equal(status, 400, password)
      assert.match(body.message, COMMON)
    }
  })

  it('[P09] is refused in disguise too: twice in a row, in wide letters, with spaces around', async () => {
    const { api } = await apiLearner(app, 'Ada')
    const { browser } = await learner(app, 'Ben')
    for (const password of DISGUISED) {
      const signUp = await openApi(app).signUp({ ...somebody('Ada'), password })
      assert.equal(signUp.status, 400, password)
      assert.match(signUp.body.message, COMMON)
      const change = { currentPassword: PASSWORD, newPassword: password }
      assert.equal((await api.post('/api/auth/change-password', change)).status, 400, password)
      assert.match(problemsOf((await browser.submit(CHANGE, change)).text)[0]?.message ?? '', COMMON)
    }
  })

  it('[P10] is not what somebody says twice who says more than that', async () => {
    for (const password of [
      'copper lantern copper lantern',
      'ａ plain copper lantern',
      'password of a copper lantern',
    ]) {
      assert.equal((await openApi(app).signUp({ ...somebody('Ada'), password })).status, 200, password)
    }
  })
})

describe('a new password that is the old one', () => {
  const SAME = /^Enter a password that is not your current one$/
  const composed = 'cafÉ and a lantern'
  const WRITTEN: [set: string, again: string][] = [
    [PASSWORD, PASSWORD],
    [composed.normalize('NFC'), composed.normalize('NFD')],
  ]

  it('[P16] is no change, on the page and by the API, and every session stays', async () => {
    for (const [password, again] of WRITTEN) {
      const person = { ...somebody('Ada'), password }
      const browser = openBrowser(app)
      await browser.signUp(person)
      const api = openApi(app)
      await api.signIn(person)
      const { token, refreshToken } = await firstPair(api)
      const before = await sessionsOf(app, person)

      const page = await browser.submit(CHANGE, { currentPassword: password, newPassword: again, endOthers: 'yes' })
      assert.equal(page.status, 422)
      const [problem] = problemsOf(page.text)
      assert.equal(problem?.href, '#new-password')
      assert.match(problem?.message ?? '', SAME)
      const change = { currentPassword: password, newPassword: again, revokeOtherSessions: true }
      const { status, body } = await api.post('/api/auth/change-password', change)
      assert.deepEqual([status, body.code], [400, 'VALIDATION_ERROR'])
      assert.deepEqual(
        (await sessionsOf(app, person)).map(({ sid }) => sid),
        before.map(({ sid }) => sid),
      )
      assert.equal((await openApi(app).get('/api/me', bearer(token))).status, 200)
      assert.equal((await refresh(app, refreshToken)).status, 200)
    }
  })

  it('[P16] tells nobody whether it is the current one: a wrong one that is sent twice is answered alike', async () => {
    const { browser } = await learner(app, 'Ada')
    const answers = []
    for (const password of [PASSWORD, 'not the password at all']) {
      const { status, text } = await browser.submit(CHANGE, { currentPassword: password, newPassword: password })
      answers.push({ status, problems: problemsOf(text) })
    }
    assert.deepEqual(answers[0], answers[1])
  })
})

it('[P12] a password that is no text is an error of the caller, wherever one is sent', async () => {
  const { person, api } = await apiLearner(app, 'Ada')
  const headers = {
    Origin: app.url,
    Cookie: String(api.agent.jar.getCookie('matricula', { domain: '127.0.0.1', path: '/' } as never)?.toValueString()),
  }
  const CALLS: [path: string, field: string, more: object][] = [
    ['/api/auth/sign-in/email', 'password', { email: person.email }],
    ['/api/auth/sign-up/email', 'password', somebody('Ben')],
    ['/api/auth/change-password', 'currentPassword', { newPassword: 'another tidy copper lantern' }],
    ['/api/auth/change-password', 'newPassword', { currentPassword: PASSWORD }],
    ['/api/auth/verify-password', 'password', {}],
    ['/api/auth/reset-password', 'newPassword', { token: 'a'.repeat(24) }],
  ]
  for (const [path, field, more] of CALLS) {
    for (const value of [[PASSWORD], { length: 20 }, { toString: PASSWORD }, 12_345_678, true, null, [], {}]) {
      const { status } = await call(app, path, { headers, body: { ...more, [field]: value } })
      assert.equal(status, 400, `${path} ${field} ${JSON.stringify(value)}`)
    }
  }
  assert.equal((await openApi(app).signIn(person)).status, 200)
})

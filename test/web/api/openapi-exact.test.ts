/** The description says exactly what the server accepts: at every limit of every field both agree. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { apiLearner, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { PASSWORD, somebody } from '../../support/people.ts'

const app = await startApp({}, { atPublicUrl: true })
const document = await (await fetch(`${app.url}/api/openapi.json`)).json()
const ajv = new Ajv2020({ strict: false })
addFormats.default(ajv)
ajv.addFormat('password', true)
ajv.addSchema(document, 'api')

const JSON_TYPE = 'application/json'
const FORM_TYPE = 'application/x-www-form-urlencoded'

/** Whether this body is valid by the description. */
function isDescribed(method: string, path: string, body: unknown, type = JSON_TYPE): boolean {
  const pointer = ['paths', path, method, 'requestBody', 'content', type, 'schema']
    .map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')))
    .join('/')
  const validate = ajv.getSchema(`api#/${pointer}`) ?? assert.fail(`no schema at ${pointer}`)
  return validate(body) === true
}

/** Whether the server accepts the body. */
const isTaken = ({ status, body }: { status: number; body: { code?: string } }): boolean =>
  !(
    status === 400 &&
    ['VALIDATION_ERROR', 'PASSWORD_TOO_SHORT', 'PASSWORD_TOO_LONG', 'INVALID_EMAIL'].includes(body.code ?? '')
  )

const letters = (count: number) =>
  'plain tidy copper lantern '
    .repeat(20)
    .slice(0, count - 1)
    .concat('x')
const host = 'example.org'
const local = (count: number) => `${randomBytes(4).toString('hex')}${'a'.repeat(count - 8)}`

const SIGN_UPS: Record<string, object> = {
  nothing: {},
  'an address without a host': { email: 'ada' },
  'an address without a dot': { email: 'ada@localhost' },
  'an address that ends in digits': { email: 'ada@127.0.0.1' },
  'an address in other letters': { email: 'ädä@example.org' },
  'an empty address': { email: '' },
  'a number for an address': { email: 7 },
  'two dots in an address': { email: 'a..b@example.org' },
  'a dot in front of an address': { email: '.ab@example.org' },
  'a local part of 64': { email: `${local(64)}@${host}` },
  'a local part of 65': { email: `${local(65)}@${host}` },
  'an address of 254': { email: `${local(64)}@${`${'b'.repeat(60)}.`.repeat(3)}${'c'.repeat(2)}.org` },
  'an address of 255': { email: `${local(64)}@${`${'b'.repeat(60)}.`.repeat(3)}${'c'.repeat(3)}.org` },
  'an address with a plus': { email: `${local(10)}+tag@${host}` },
  'a password of 7': { password: letters(7) },
  'a password of 8': { password: letters(8) },
  'a password of 128': { password: letters(128) },
  'a password of 129': { password: letters(129) },
  'a password of 128 that is more in UTF-16': { password: `${'🤖'.repeat(127)}x` },
  'an empty password': { password: '' },
  'no password': { password: undefined },
  'a list for a password': { password: [PASSWORD] },
  'a name of 100': { name: 'n'.repeat(100) },
  'a name of 101': { name: 'n'.repeat(101) },
  'a name of two lines': { name: 'Ada\nByron' },
  'no name at all': { name: undefined },
  'null for a name': { name: null },
  'a picture': { image: 'https://example.org/ada.png' },
  'a picture by http': { image: 'http://example.org/ada.png' },
  'a picture of 2000': { image: `https://example.org/${'a'.repeat(1980)}` },
  'a picture of 2001': { image: `https://example.org/${'a'.repeat(1981)}` },
  'a picture that is a script': { image: 'javascript:alert(1)' },
  'a picture that is data': { image: 'data:image/png;base64,AA' },
  'a picture with a space': { image: 'https://example.org/a b' },
  'remembered, by a text': { rememberMe: 'true' },
  'remembered, by a boolean': { rememberMe: false },
}

describe('a sign-up', () => {
  for (const [name, fields] of Object.entries(SIGN_UPS)) {
    it(`is taken as described, with ${name}`, async () => {
      const body = JSON.parse(JSON.stringify({ ...somebody('Ada'), ...fields }))
      const answer = await openApi(app).post('/api/auth/sign-up/email', body)
      assert.equal(isDescribed('post', '/api/auth/sign-up/email', body), isTaken(answer), answer.text)
    })
  }
})

describe('a sign-in', () => {
  const SIGN_INS: Record<string, object> = {
    'an address without a host': { email: 'ada' },
    'a password of 128': { password: letters(128) },
    'a password of 129': { password: letters(129) },
    'an empty password': { password: '' },
  }
  for (const [name, fields] of Object.entries(SIGN_INS)) {
    it(`is taken as described, with ${name}`, async () => {
      const body = { ...somebody('Ada'), ...fields, name: undefined }
      const answer = await openApi(app).post('/api/auth/sign-in/email', body)
      assert.equal(isDescribed('post', '/api/auth/sign-in/email', body), isTaken(answer), answer.text)
    })
  }
})

describe('a form', () => {
  for (const path of ['/api/auth/sign-up/email', '/api/auth/sign-in/email']) {
    for (const more of [{}, { rememberMe: 'true' }, { rememberMe: 'false' }, { callbackURL: '/dashboard' }]) {
      it(`for ${path} is taken as described, with ${JSON.stringify(more)}`, async () => {
        const { name, ...rest } = somebody('Ada')
        const body: Record<string, string> = { ...rest, ...(path.includes('sign-up') ? { name } : {}), ...more }
        const response = await fetch(app.url + path, {
          method: 'POST',
          headers: { Origin: app.url },
          body: new URLSearchParams(body),
        })
        const answer = { status: response.status, body: await response.json() }
        assert.equal(isDescribed('post', path, body, FORM_TYPE), isTaken(answer), JSON.stringify(answer))
      })
    }
  }
})

const { api } = await apiLearner(app, 'Ada')

describe('answers', () => {
  const PROFILES: Record<string, object> = {
    none: {},
    'none alone': { hardwareAccess: ['none'], programmingLanguages: ['none'] },
    'none twice': { hardwareAccess: ['none', 'none'] },
    'none beside another': { hardwareAccess: ['none', 'laptop_cpu'] },
    'another beside none': { programmingLanguages: ['python', 'none'] },
    'one twice': { programmingLanguages: ['python', 'python'] },
    'an unknown one': { programmingLanguages: ['cobol'] },
    'none where it is no option': { projectGoals: ['none'] },
    'a hundred': { projectGoals: Array(100).fill('career') },
    'a hundred and one': { projectGoals: Array(101).fill('career') },
    'a text of 500': { projectGoalsText: 'g'.repeat(500) },
    'a text of 501': { projectGoalsText: 'g'.repeat(501) },
    'a text of 500 that is more in UTF-16': { projectGoalsText: '🤖'.repeat(500) },
    'two lines': { projectGoalsText: 'a\nb' },
    'a text with a bell': { projectGoalsText: 'a\u0007' },
    'no text': { projectGoalsText: null },
    'one answer as a list': { primaryFocus: ['ros2'] },
    'null for one': { primaryFocus: null },
    'null for many': { projectGoals: null },
  }
  for (const [name, body] of Object.entries(PROFILES)) {
    it(`are taken as described: ${name}`, async () => {
      const answer = await api.put('/api/profile', body)
      assert.equal(isDescribed('put', '/api/profile', body), isTaken(answer), answer.text)
    })
  }
})

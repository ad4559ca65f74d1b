/** Which redirect targets a call may name: checked in every field that takes one, before anything is looked up. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { apiLearner } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { asOwnPage, call, cookieOf, refusalOf, stateOf } from '../../support/calls.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { PASSWORD, somebody } from '../../support/people.ts'

const FRONT_END = 'https://front.example.org'
const mailbox = await openMailbox()
const app = await startApp({ TRUSTED_ORIGINS: FRONT_END }, { atPublicUrl: true, mailbox })
const { port } = new URL(app.url)

type Operation = {
  parameters?: { name: string; in: string }[]
  requestBody?: { content: Record<string, { schema: Schema }> }
}
type Schema = { properties?: Record<string, unknown>; anyOf?: Schema[] }
const { paths }: { paths: Record<string, Record<string, Operation>> } = await (
  await fetch(`${app.url}/api/openapi.json`)
).json()

const CODES: Record<string, { code: string; message: string }> = {
  callbackURL: { code: 'INVALID_CALLBACK_URL', message: 'Invalid callbackURL' },
  redirectTo: { code: 'INVALID_REDIRECT_URL', message: 'Invalid redirectURL' },
}

const places = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).flatMap(([method, { parameters = [], requestBody }]) => {
    const schema = requestBody?.content['application/json']?.schema
    const properties = schema?.properties ?? schema?.anyOf?.find((one) => one.properties)?.properties ?? {}
    const inBody = Object.keys(properties)
    const inQuery = parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name)
    return [...inBody, ...inQuery].flatMap((field) =>
      field in CODES ? [{ method: method.toUpperCase(), path: path.replace(/\{\w+\}/, 'a'.repeat(24)), field }] : [],
    )
  }),
)

const BAD = [
  'https://evil.example/welcome',
  'https://evil.example?https://front.example.org',
  '//evil.example',
  '/\\evil.example',
  '\\/evil.example',
  '/\t/evil.example',
  '/%2fevil.example',
  '/%5cevil.example',
  'javascript:alert(1)',
  'data:text/html,x',
  `${FRONT_END}.evil.example/`,
  `${FRONT_END}@evil.example/`,
  `${FRONT_END}:8443/`,
  'http://front.example.org/',
  `http://localhost:${port}/`,
  ` ${FRONT_END}/`,
  'front.example.org',
  'welcome',
  '/welcome\r\nBcc: eve@evil.example',
  `${FRONT_END}/\u0000`,
  `/${'x'.repeat(2_001)}`,
  `${FRONT_END}/${'x'.repeat(2_001)}`,
]
const GOOD = ['/welcome', '/welcome?from=mail#top', `${FRONT_END}/welcome`, `${app.url}/welcome`]

type Place = (typeof places)[number]

const everything = async () =>
  JSON.stringify([await stateOf(app), await app.sql`select * from email_tokens order by 1`])

const ask = (
  { method, path, field }: Place,
  address: string,
  { headers, email }: { headers?: Record<string, string>; email: string },
) => {
  const query = method === 'GET' ? `?token=x&${field}=${encodeURIComponent(address)}` : ''
  const { name } = somebody('Eve')
  const right = {
    name,
    email,
    password: PASSWORD,
    newEmail: somebody('Next').email,
    newPassword: 'quiet amber harbour',
  }
  const body = method === 'GET' ? undefined : { ...right, [field]: address }
  return call(app, path + query, { method, headers: headers ?? {}, body })
}

it('eight calls name an address', () => {
  assert.deepEqual(places.map(({ method, path, field }) => `${method} ${path} ${field}`).sort(), [
    'GET /api/auth/reset-password/aaaaaaaaaaaaaaaaaaaaaaaa callbackURL',
    'GET /api/auth/verify-email callbackURL',
    'POST /api/auth/change-email callbackURL',
    'POST /api/auth/delete-user callbackURL',
    'POST /api/auth/request-password-reset redirectTo',
    'POST /api/auth/send-verification-email callbackURL',
    'POST /api/auth/sign-in/email callbackURL',
    'POST /api/auth/sign-up/email callbackURL',
  ])
})

for (const place of places) {
  const { method, path, field } = place
  describe(`${field} of ${method} ${path}`, () => {
    it('[H07] leads nowhere else: refused to anybody, and nothing is done', async () => {
      const { api, person } = await apiLearner(app, 'Ada')
      const headers = asOwnPage(app, cookieOf(api))
      const before = await everything()
      for (const address of BAD) {
        for (const caller of [{ headers, email: person.email }, { email: somebody('Nobody').email }]) {
          const answer = await ask(place, address, caller)
          assert.deepEqual(refusalOf(answer), { status: 403, ...CODES[field] }, JSON.stringify(address).slice(0, 60))
          assert.equal(answer.headers.location, undefined)
          assert.equal(answer.headers['set-cookie'], undefined)
        }
      }
      assert.equal(await everything(), before)
    })

    it('may lead to a path here and to a trusted origin', async () => {
      for (const address of GOOD) {
        const { api, person } = await apiLearner(app, 'Ada')
        const headers = asOwnPage(app, cookieOf(api))
        const { status, text } = await ask(place, address, { headers, email: person.email })
        assert.notEqual(status, 403, `${address}: ${text}`)
        assert.ok(status < 500, text)
      }
    })

    it('may lead nowhere at all where nobody has to be led', async () => {
      const { api, person } = await apiLearner(app, 'Ada')
      const { status, text } = await ask(place, '', { headers: asOwnPage(app, cookieOf(api)), email: person.email })
      // A reset link is useless without a page that asks for the new password.
      if (path.includes('/reset-password/')) assert.equal(refusalOf({ status, text }).code, 'INVALID_CALLBACK_URL')
      else assert.notEqual(status, 403, text)
    })
  })
}

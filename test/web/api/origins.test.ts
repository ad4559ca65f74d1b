/**
 * From which origins a browser may call the API: table 1.4 of the contract, at every endpoint that changes something.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { apiLearner } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { assertPlainRefusal, call, cookieOf, refusalOf, writesOf } from '../../support/calls.ts'

const FRONT_END = 'https://front.example.org'
const app = await startApp({ TRUSTED_ORIGINS: FRONT_END }, { atPublicUrl: true })
const own = app.url
const writes = await writesOf(app)
const isLogin = (path: string) =>
  /^\/api\/auth\/(sign-in|sign-up|two-factor\/verify-.+|passkey\/verify-authentication)\b/.test(path)
/** These set a cookie, too: the part of a code by mail that the browser holds. */
const asksForCode = (path: string) => /^\/api\/auth\/(email-otp\/(send|request)-|forget-password\/)/.test(path)
const logins = writes.filter(({ path }) => isLogin(path) || asksForCode(path))
const others = writes.filter((write) => !logins.includes(write))

type Row = { name: string; headers: Record<string, string>; code?: string }

const INVALID = 'INVALID_ORIGIN'
const MISSING = 'MISSING_OR_NULL_ORIGIN'
const BLOCKED = 'CROSS_SITE_NAVIGATION_LOGIN_BLOCKED'
const MESSAGES: Record<string, string> = {
  [INVALID]: 'Invalid origin',
  [MISSING]: 'Missing or null Origin',
  [BLOCKED]: 'Cross-site navigation login blocked. This request appears to be a CSRF attack.',
}

const port = new URL(own).port
const FOREIGN_ORIGINS = [
  'https://evil.example',
  `http://localhost:${port}`,
  `https://127.0.0.1:${port}`,
  'http://127.0.0.1',
  `http://127.0.0.1:${Number(port) + 1}`,
  `${own}.evil.example`,
  `http://127.0.0.1.evil.example:${port}`,
  `http://evil.example@127.0.0.1:${port}`,
  `${own}/`,
  `${own}/api/auth`,
  `${own} ${FRONT_END}`,
  own.toUpperCase(),
  'http://front.example.org',
  'https://front.example.org:8443',
  'https://FRONT.example.org',
  'https://frontXexample.org',
  'https://sub.front.example.org',
  'https://example.org',
  '*',
  '',
  'file://',
]

const WITH_A_COOKIE: Row[] = [
  { name: 'its own origin', headers: { Origin: own } },
  { name: 'a trusted origin', headers: { Origin: FRONT_END } },
  { name: 'its own page as referrer', headers: { Referer: `${own}/dashboard?x=1` } },
  { name: 'a page of a trusted origin as referrer', headers: { Referer: `${FRONT_END}/` } },
  { name: 'its own origin and a foreign referrer', headers: { Origin: own, Referer: 'https://evil.example/' } },
  { name: 'null, where the browser vouches for it', headers: { Origin: 'null', 'Sec-Fetch-Site': 'same-origin' } },
  { name: 'neither origin nor referrer', headers: {}, code: MISSING },
  { name: 'neither, though the browser vouches for it', headers: { 'Sec-Fetch-Site': 'same-origin' }, code: MISSING },
  { name: 'null', headers: { Origin: 'null' }, code: MISSING },
  { name: 'null from elsewhere', headers: { Origin: 'null', 'Sec-Fetch-Site': 'cross-site' }, code: MISSING },
  { name: 'null from beside', headers: { Origin: 'null', 'Sec-Fetch-Site': 'same-site' }, code: MISSING },
  { name: 'null and its own page as referrer', headers: { Origin: 'null', Referer: `${own}/` }, code: MISSING },
  { name: 'a referrer without an address', headers: { Referer: 'data:text/html,x' }, code: MISSING },
  { name: 'a foreign referrer', headers: { Referer: 'https://evil.example/' }, code: INVALID },
  { name: 'a referrer that names this site', headers: { Referer: `https://evil.example/${own}/` }, code: INVALID },
  { name: 'a referrer that is no address', headers: { Referer: 'evil' }, code: INVALID },
  {
    name: 'a foreign origin, though the browser vouches for it',
    headers: { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'same-origin' },
    code: INVALID,
  },
  {
    name: 'a foreign origin and its own page as referrer',
    headers: { Origin: 'https://evil.example', Referer: `${own}/` },
    code: INVALID,
  },
  {
    name: 'a foreign host that this one is to be taken for',
    headers: { Origin: 'http://evil.example', Host: 'evil.example', 'X-Forwarded-Host': 'evil.example' },
    code: INVALID,
  },
  ...FOREIGN_ORIGINS.map((Origin) => ({ name: `“${Origin}”`, headers: { Origin }, code: INVALID })),
]

const LOGIN_WITHOUT_A_COOKIE: Row[] = [
  { name: 'nothing, as programs do', headers: {} },
  { name: 'its own origin', headers: { Origin: own } },
  { name: 'a trusted origin', headers: { Origin: FRONT_END } },
  {
    name: 'its own origin from a browser',
    headers: { Origin: own, 'Sec-Fetch-Site': 'same-origin', 'Sec-Fetch-Mode': 'cors' },
  },
  {
    name: 'a trusted origin from a browser',
    headers: { Origin: FRONT_END, 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'cors' },
  },
  { name: 'its own page as referrer', headers: { Referer: `${own}/login` } },
  { name: 'null, where the browser vouches for it', headers: { Origin: 'null', 'Sec-Fetch-Site': 'same-origin' } },
  { name: 'no origin from a browser', headers: { 'Sec-Fetch-Mode': 'cors' }, code: MISSING },
  { name: 'no origin of a page beside', headers: { 'Sec-Fetch-Site': 'same-site' }, code: MISSING },
  { name: 'no origin of a form', headers: { 'Sec-Fetch-Dest': 'document' }, code: MISSING },
  { name: 'null', headers: { Origin: 'null' }, code: MISSING },
  { name: 'a foreign referrer', headers: { Referer: 'https://evil.example/' }, code: INVALID },
  {
    name: 'a foreign origin from a browser',
    headers: { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'cors' },
    code: INVALID,
  },
  {
    name: 'a form of another site',
    headers: { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' },
    code: BLOCKED,
  },
  {
    name: 'a form of nowhere',
    headers: { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' },
    code: BLOCKED,
  },
  {
    name: 'a form of another site that claims to be this one',
    headers: { Origin: own, 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' },
    code: BLOCKED,
  },
  ...FOREIGN_ORIGINS.map((Origin) => ({ name: `“${Origin}”`, headers: { Origin }, code: INVALID })),
]

/**
 * Asserts whether the origin is accepted. The body is not valid JSON, so an accepted call is refused next, and does
 * nothing.
 */
async function assertJudged({ name, headers, code }: Row, asked: typeof writes) {
  assert.ok(asked.length > 0, 'somebody is asked')
  for (const { method, path } of asked) {
    const answer = await call(app, path, { method, headers, body: '{' })
    const what = `${method} ${path} from ${name}`
    assertPlainRefusal(answer, what)
    const expected =
      code === undefined
        ? { status: 400, code: 'BAD_REQUEST', message: 'Invalid JSON in request body' }
        : { status: 403, code, message: MESSAGES[code] }
    assert.deepEqual(refusalOf(answer), expected, what)
    const { detail } = JSON.parse(answer.text)
    if (code === INVALID) assert.match(detail, /TRUSTED_ORIGINS/, what)
    else if (code === MISSING) assert.match(detail, /send the Origin header/, what)
    else assert.equal(detail, undefined, what)
  }
}

for (const [cookie, what] of [
  [cookieOf((await apiLearner(app, 'Ada')).api), 'the cookie of a session'],
  ['unrelated=1', 'a cookie of something else'],
]) {
  describe(`[C08, C10, C15] with ${what}, every endpoint that changes something judges`, () => {
    for (const row of WITH_A_COOKIE) {
      const outcome = row.code === undefined ? 'lets it through' : `answers ${row.code}`
      it(`${row.name}: ${outcome}`, () =>
        assertJudged({ ...row, headers: { ...row.headers, Cookie: cookie ?? '' } }, writes))
    }
  })
}

describe('[C14, C16] without a cookie, a login judges', () => {
  for (const row of LOGIN_WITHOUT_A_COOKIE) {
    it(`${row.name}: ${row.code === undefined ? 'lets it through' : `answers ${row.code}`}`, () =>
      assertJudged(row, logins))
  }
})

describe('without a cookie, there is nothing to borrow', () => {
  for (const { name, headers } of [...WITH_A_COOKIE, ...LOGIN_WITHOUT_A_COOKIE].filter(({ code }) => code)) {
    it(`so every other endpoint lets ${name} through`, () => assertJudged({ name, headers }, others))
  }
})

it('the operator reads which origin came and which are expected, cut short and on one line', async () => {
  const received = `https://evil.example:${'8'.repeat(400)}`
  await call(app, '/api/auth/sign-out', { headers: { Origin: received, Cookie: 'a=b' }, body: {} })
  const lines = app
    .log()
    .split('\n')
    .filter((line) => line.includes('origin refused'))
    .map((line) => JSON.parse(line))
  const last = lines.at(-1)
  assert.equal(last.received, received.slice(0, 200))
  assert.ok(last.expected.includes(app.url), JSON.stringify(last.expected))
})

/** Sends every operation of the description everything that no client sends: in its body, its query, its path and its headers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Operation, operationsOf } from '../support/calls.ts'
import { type Answer, openClient } from './client.ts'
import { assertHarmless, assertNotLogged, MARK, SIGN, seed, someOf, TEXTS, VALUES } from './hostile.ts'
import { PASSWORDS, startFuzzed } from './world.ts'

const app = await startFuzzed()
const [PASSWORD = ''] = PASSWORDS
/** What the parameters of paths may look like to a server. */
const PLACES = Object.values(TEXTS).filter((text) => text !== '' && text.length < 1_000)
const operations = await operationsOf(app, { lessonId: 'f1' })
let people = 0

async function newLearner() {
  people += 1
  const client = openClient(app.url)
  const json = { name: 'Ada', email: `called-${people}@example.org`, password: PASSWORD }
  const { status, text } = await client.call('/api/auth/sign-up/email', json)
  assert.equal(status, 200, text)
  return client
}

/** An answer for programs: an object, `null` or nothing, of the right type; a refusal with a code. */
function assertAnswers(answer: Answer, what: string): void {
  assertHarmless(answer, what)
  const { status, headers, text, route } = answer
  if (status < 400) return
  assert.equal(headers['content-type'], 'application/json', `${route}, ${what}`)
  // Some refusals of the contract have no code.
  assert.equal(typeof JSON.parse(text).message, 'string', `${route}, ${what}: ${status} ${text}`)
}

/** What stands there as JSON, with a field put in as text: so also what no object can hold. */
function withField(good: object, name: string, value: string): string {
  const others = JSON.stringify(good).slice(1, -1)
  return `{${others === '' ? '' : `${others},`}${JSON.stringify(name)}:${value}}`
}

/** Half of a pair and NUL are what an editor of JSON writes as escapes. */
function* bodiesOf({ body }: Operation): Generator<[what: string, body: string]> {
  const good = { password: PASSWORD, email: `${SIGN}@example.org`, name: 'Ada', token: SIGN, newPassword: MARK }
  for (const name of Object.keys(body?.properties ?? {})) {
    const others = Object.fromEntries(
      Object.entries(good).filter(([other]) => other !== name && body?.properties?.[other]),
    )
    for (const [what, value] of Object.entries(VALUES))
      yield [`${name} is ${what}`, withField(others, name, JSON.stringify(value))]
    yield [`${name} is beyond numbers`, withField(others, name, '1e999')]
    yield [`${name} comes twice`, withField({ [name]: MARK, ...others }, name, 'null')]
    yield [`${name} is not JSON`, withField(others, name, `${SIGN}`)]
    yield [`${name} is cut off`, withField(others, name, '"\\ud8')]
  }
  for (const [what, value] of Object.entries(VALUES)) yield [`the body is ${what}`, JSON.stringify(value)]
  yield [
    'with fields of every object',
    `{"__proto__":{"a":1},"constructor":"${SIGN}","toString":null,"email":{"__proto__":1}}`,
  ]
  yield ['a very deep body', '['.repeat(8_000) + ']'.repeat(8_000)]
  yield ['a body without end', `{"a":"${'a'.repeat(1_000_000)}"}`]
  yield ['a mark of the order of bytes', '\ufeff{}']
}

function asCutOff(error: NodeJS.ErrnoException): undefined {
  assert.match(error.code ?? error.message, /ECONNRESET|EPIPE/)
}

test(`an operation takes whatever its body is (seed ${seed})`, async (t) => {
  let client = await newLearner()
  let bodies = 0
  for (const operation of operations.filter(({ method }) => method !== 'GET')) {
    for (const [what, body] of someOf(bodiesOf(operation))) {
      await app.sql`delete from rate_limits`
      if ((await client.get('/api/auth/get-session')).text === 'null') client = await newLearner()
      const headers = {
        Origin: app.url,
        'Content-Type': 'application/json',
        'Content-Length': String(Buffer.byteLength(body)),
      }
      const answer = await client.send(operation.method, operation.path, { form: body, headers }).catch(asCutOff)
      if (answer) assertAnswers(answer, what)
      bodies += 1
    }
    assertNotLogged(app, `${operation.method} ${operation.path}`)
  }
  assert.ok(bodies > 100, `${bodies} bodies`)
  t.diagnostic(`${bodies} bodies`)
})

test(`an operation takes whatever stands in its query and its path (seed ${seed})`, async () => {
  const client = await newLearner()
  const names = ['token', 'callbackURL', 'disableRefresh', 'cursor', 'limit', 'after', SIGN]
  for (const text of someOf(PLACES, 2)) {
    const place = encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\ufffd'))
    const places = [place, '%00', '%ED%A0%80', '%', '%2e%2e%2f', '..;', `${place}/${place}`]
    const asked = await Promise.all(places.map((it) => operationsOf(app, parametersAs(it))))
    for (const { method, path } of asked.flat()) {
      if (method !== 'GET' && !/anything|%|\.\.;/.test(path)) continue
      const query = new URLSearchParams(
        names.flatMap((name) => [
          [name, text],
          [`${name}[a]`, text],
        ]),
      ).toString()
      for (const whole of [path, `${path}?${query}`]) {
        const answer = await client.send(method, whole, method === 'GET' ? {} : { json: {} })
        // Addresses of the API that are no path at all get the plain answer of every address.
        if (answer.headers['content-type'] === 'application/json') assertAnswers(answer, 'its query or path')
        else assertHarmless(answer, 'its query or path')
      }
    }
  }
  assertNotLogged(app, 'queries and paths')
})

/** The same for every parameter. */
const parametersAs = (place: string): Record<string, string> =>
  new Proxy({}, { get: () => place }) as Record<string, string>

test(`an operation takes whatever stands in its headers (seed ${seed})`, async () => {
  const client = await newLearner()
  const values = [
    MARK,
    '',
    'a'.repeat(4_000),
    `Bearer ${MARK}`,
    'Bearer',
    'Basic',
    `Basic ${SIGN}`,
    'Bearer e30.e30.',
    '\u00ff',
  ]
  const names = [
    'Authorization',
    'Origin',
    'Referer',
    'Accept',
    'Accept-Language',
    'Sec-Fetch-Site',
    'User-Agent',
    'If-None-Match',
  ]
  for (const { method, path } of operations) {
    for (const name of someOf(names, 2)) {
      for (const value of someOf(values, 2)) {
        const answer = await client.send(method, path, {
          headers: { [name]: value },
          ...(method === 'GET' ? {} : { json: {} }),
        })
        assertHarmless(answer, `${name}: ${value}`)
      }
    }
  }
  assertNotLogged(app, 'headers')
})

/**
 * Malformed bodies, sent to every endpoint that takes one: refused in JSON, and neither repeated in the answer nor
 * logged.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { apiLearner } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import {
  asOwnPage,
  assertPlainRefusal,
  call,
  cookieOf,
  type Operation,
  refusalOf,
  stateOf,
  writesOf,
} from '../../support/calls.ts'

const app = await startApp({}, { atPublicUrl: true })
const { api } = await apiLearner(app, 'Ada')
const headers = asOwnPage(app, cookieOf(api))
const writes = await writesOf(app)

/** Part of every body below, to see whether it is repeated or logged. */
const MARKER = 'hunter2'
const KILOBYTE = 1024
const LIMIT = 16 * KILOBYTE
const JSON_TYPE = 'application/json'
const FORM_TYPE = 'application/x-www-form-urlencoded'

type Refusal = { status: number; code: string; message: string }
type Row = {
  name: string
  type?: string
  more?: Record<string, string>
  body: string | Buffer
  refusal: Refusal | ((operation: Operation) => Refusal)
  to?: (operation: Operation) => boolean
}

const unreadable: Refusal = { status: 400, code: 'BAD_REQUEST', message: 'Invalid JSON in request body' }
const compressed: Refusal = { status: 415, code: 'UNSUPPORTED_MEDIA_TYPE', message: 'This content type is not allowed' }
const tooLarge: Refusal = { status: 413, code: 'PAYLOAD_TOO_LARGE', message: 'The body is longer than 16 KB' }
const otherType =
  (named?: string) =>
  ({ takesForm }: Operation): Refusal => ({
    status: 415,
    code: 'UNSUPPORTED_MEDIA_TYPE',
    message: `Content-Type ${named ? `"${named}" is not allowed` : 'is required'}. Allowed types: ${takesForm ? `${FORM_TYPE}, ` : ''}${JSON_TYPE}`,
  })
const otherCharset =
  (type: string) =>
  (operation: Operation): Refusal =>
    type === FORM_TYPE && !operation.takesForm
      ? otherType(FORM_TYPE)(operation)
      : { status: 415, code: 'UNSUPPORTED_MEDIA_TYPE', message: 'The charset must be UTF-8' }
const notAnObject = (received: string): Refusal => ({
  status: 400,
  code: 'VALIDATION_ERROR',
  message: `[body] Invalid input: expected object, received ${received}`,
})

const GOOD = `{"email":"${MARKER}@example.org","password":"${MARKER}"}`
const takesBody = ({ body }: Operation) => body !== undefined
const filled = (length: number) => `${GOOD.slice(0, -1)},"x":"`.padEnd(length - 2, 'x').concat('"}')

const ROWS: Row[] = [
  { name: 'JSON that is cut off', body: GOOD.slice(0, -1), refusal: unreadable },
  { name: 'JSON that is cut off in a value', body: GOOD.slice(0, 20), refusal: unreadable },
  { name: 'JSON with something behind it', body: `${GOOD}${MARKER}`, refusal: unreadable },
  { name: 'two objects', body: `${GOOD}${GOOD}`, refusal: unreadable },
  { name: 'JSON with a comment', body: `/* ${MARKER} */${GOOD}`, refusal: unreadable },
  { name: 'JSON in single quotes', body: `{'password':'${MARKER}'}`, refusal: unreadable },
  { name: 'JSON with a control character', body: `{"password":"${MARKER}\u0000"}`, refusal: unreadable },
  { name: 'JSON with half an escape', body: `{"password":"${MARKER}\\u00"}`, refusal: unreadable },
  { name: 'NaN', body: `{"password":NaN,"x":"${MARKER}"}`, refusal: unreadable },
  { name: 'a bare word', body: MARKER, refusal: unreadable },
  { name: 'a space', body: ' ', refusal: unreadable },
  { name: 'UTF-16 bytes', body: Buffer.from(GOOD, 'utf16le'), refusal: unreadable },
  { name: 'nesting that is not closed', body: '['.repeat(5_000), refusal: unreadable },
  { name: 'a form under the name of JSON', body: `password=${MARKER}`, refusal: unreadable },
  { name: 'a page under the name of JSON', body: `<p>${MARKER}</p>`, refusal: unreadable },

  { name: 'plain text', type: 'text/plain', body: GOOD, refusal: otherType('text/plain') },
  {
    name: 'plain text that names JSON too',
    type: `text/plain; ${JSON_TYPE}`,
    body: GOOD,
    refusal: otherType('text/plain'),
  },
  { name: 'two types', type: `text/plain, ${JSON_TYPE}`, body: GOOD, refusal: otherType() },
  { name: 'no type', type: '', body: GOOD, refusal: otherType() },
  { name: 'a type that is none', type: MARKER, body: GOOD, refusal: otherType() },
  { name: 'markup for a type', type: `<b>${MARKER}</b>`, body: GOOD, refusal: otherType() },
  {
    name: 'a part of several',
    type: 'multipart/form-data; boundary=x',
    body: GOOD,
    refusal: otherType('multipart/form-data'),
  },
  { name: 'XML', type: 'application/xml', body: `<x>${MARKER}</x>`, refusal: otherType('application/xml') },
  {
    name: 'a cousin of JSON',
    type: 'application/problem+json',
    body: GOOD,
    refusal: otherType('application/problem+json'),
  },
  { name: 'JSON in UTF-16', type: `${JSON_TYPE}; charset=utf-16`, body: GOOD, refusal: otherCharset(JSON_TYPE) },
  { name: 'JSON in Latin-1', type: `${JSON_TYPE}; charset=iso-8859-1`, body: GOOD, refusal: otherCharset(JSON_TYPE) },
  { name: 'JSON in UTF-7', type: `${JSON_TYPE};charset="utf-7"`, body: GOOD, refusal: otherCharset(JSON_TYPE) },
  {
    name: 'a form where none is taken',
    type: FORM_TYPE,
    body: `password=${MARKER}`,
    refusal: otherType(FORM_TYPE),
    to: ({ takesForm }) => !takesForm,
  },
  {
    name: 'a form in Latin-1',
    type: `${FORM_TYPE}; charset=iso-8859-1`,
    body: `password=${MARKER}`,
    refusal: otherCharset(FORM_TYPE),
  },
  { name: 'gzip', more: { 'Content-Encoding': 'gzip' }, body: gzipSync(GOOD), refusal: compressed },
  {
    name: 'gzip that unpacks to 10 MB',
    more: { 'Content-Encoding': 'gzip' },
    body: gzipSync(Buffer.alloc(10 * KILOBYTE * KILOBYTE)),
    refusal: compressed,
  },
  { name: 'Brotli', more: { 'Content-Encoding': 'br' }, body: brotliCompressSync(GOOD), refusal: compressed },
  {
    name: 'an encoding that changes nothing',
    more: { 'Content-Encoding': 'identity' },
    body: GOOD,
    refusal: compressed,
  },

  { name: 'null', body: 'null', refusal: notAnObject('null'), to: takesBody },
  { name: 'true', body: 'true', refusal: notAnObject('boolean'), to: takesBody },
  { name: 'a text', body: `"${MARKER}"`, refusal: notAnObject('string'), to: takesBody },
  { name: 'a number', body: '9007199254740993', refusal: notAnObject('number'), to: takesBody },
  { name: 'a number beyond all numbers', body: '1e309', refusal: notAnObject('Infinity'), to: takesBody },
  { name: 'a list', body: `[${GOOD}]`, refusal: notAnObject('array'), to: takesBody },
  {
    name: 'lists in lists, 5,000 deep',
    body: '['.repeat(5_000) + ']'.repeat(5_000),
    refusal: notAnObject('array'),
    to: takesBody,
  },
  { name: 'a byte more than 16 KB', body: filled(LIMIT + 1), refusal: tooLarge },
  { name: 'a megabyte', body: filled(KILOBYTE * KILOBYTE), refusal: tooLarge },
]

let checkedUpTo = 0

/** Checks what was logged since the last call of this function. */
function assertNothingLogged(what: string) {
  const log = app.log().slice(checkedUpTo)
  checkedUpTo += log.length
  assert.ok(log.length > 0, 'the calls were logged')
  assert.ok(!log.includes(MARKER), `${what} is logged`)
  assert.ok(!/"level":(50|60)/.test(log), `${what} is taken for a fault of ours`)
}

describe('[X09, X12, X13, X15, X17] every endpoint that takes a body refuses', () => {
  for (const { name, type = JSON_TYPE, more = {}, body, refusal, to = () => true } of ROWS) {
    it(name, async () => {
      const before = await stateOf(app)
      const asked = writes.filter(to)
      assert.ok(asked.length > 0, 'somebody is asked')
      for (const operation of asked) {
        const { method, path } = operation
        const answer = await call(app, path, { method, headers: { ...headers, 'Content-Type': type, ...more }, body })
        const what = `${name} at ${method} ${path}`
        assertPlainRefusal(answer, what)
        assert.deepEqual(refusalOf(answer), typeof refusal === 'function' ? refusal(operation) : refusal, what)
        assert.ok(!answer.text.includes(MARKER), what)
        assert.ok(operation.answers[answer.status]?.includes(refusalOf(answer).code ?? ''), `${what} is not described`)
      }
      assertNothingLogged(name)
      assert.equal(await stateOf(app), before)
    })
  }

  it('the same from somebody without a session, who learns no more', async () => {
    for (const { method, path } of writes) {
      const answer = await call(app, path, { method, body: GOOD.slice(0, -1) })
      assertPlainRefusal(answer, path)
      assert.deepEqual(refusalOf(answer), unreadable, path)
    }
  })
})

describe('a body that is unusual and fine', () => {
  const signIn = (more: { type?: string; body?: string }) => {
    const { type = JSON_TYPE, body = '{"email":"ada","password":"x"}' } = more
    return call(app, '/api/auth/sign-in/email', { headers: { 'Content-Type': type }, body })
  }
  /** Shows that the body was read: the email address in it is refused as invalid. */
  const READ = { status: 400, code: 'INVALID_EMAIL', message: 'Invalid email' }

  const TYPES = [
    `${JSON_TYPE};charset=utf-8`,
    `${JSON_TYPE}; charset="UTF-8"`,
    'Application/JSON',
    `${JSON_TYPE} ; x=y`,
  ]
  for (const type of TYPES) {
    it(`of the type ${type} is read`, async () => {
      assert.deepEqual(refusalOf(await signIn({ type })), READ)
    })
  }

  const BODIES: Record<string, string> = {
    'of just 16 KB': '{"email":"ada","password":"x"}'.padEnd(LIMIT, ' '),
    'with the same key twice, of which the last one counts':
      '{"email":"ada@example.org","email":"ada","password":1,"password":"x"}',
    'with keys that mean something to the language':
      '{"__proto__":{"isAdmin":true,"email":1},"constructor":{"prototype":{"isAdmin":true}},"email":"ada","password":"x"}',
    'with numbers that fit nowhere in a key of no meaning':
      '{"email":"ada","password":"x","a":1e309,"b":-1e309,"c":9007199254740993,"d":-0}',
    'with 5,000 lists in a key of no meaning': `{"email":"ada","password":"x","a":${'['.repeat(5_000)}${']'.repeat(5_000)}}`,
  }
  for (const [name, body] of Object.entries(BODIES)) {
    it(`[X07, X12] ${name} is read`, async () => {
      assert.deepEqual(refusalOf(await signIn({ body })), READ)
      assert.equal(Object.hasOwn(Object.prototype, 'isAdmin'), false)
    })
  }
})

/** Sends every body field that the OpenAPI description names with every wrong kind of JSON value. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { apiLearner, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import {
  asOwnPage,
  assertPlainRefusal,
  call,
  cookieOf,
  refusalOf,
  type Schema,
  stateOf,
  writesOf,
} from '../../support/calls.ts'
import { PROFILE } from '../../support/learning.ts'
import { somebody } from '../../support/people.ts'

const app = await startApp({}, { atPublicUrl: true })
const { api, person: ada } = await apiLearner(app, 'Ada')
const headers = asOwnPage(app, cookieOf(api))
const MARKER = 'hunter2'

/** A valid value for each field. */
const GOOD: Record<string, unknown> = {
  otp: '000000',
  type: 'sign-in',
  weeklyHours: 4,
  name: 'Ben',
  email: 'ben@example.org',
  newEmail: 'ben@example.org',
  password: 'not the password',
  currentPassword: 'not the password',
  newPassword: 'quiet amber harbour window',
  image: 'https://example.org/ben.png',
  callbackURL: '/',
  redirectTo: '/',
  rememberMe: true,
  revokeOtherSessions: false,
  token: 'a'.repeat(32),
  token_type_hint: 'access_token',
  refreshToken: 'a'.repeat(43),
  ...PROFILE,
  state: 'done',
  method: 'totp',
  issuer: 'Matricula',
  code: '000000',
  trustDevice: false,
  disableSession: false,
  response: {},
  createSession: false,
  id: 'x',
}

type Field = {
  method: string
  path: string
  field: string
  type: string
  nullable: boolean
  required: boolean
  /** The allowed values, where a field takes one or several from a list. */
  options: string[] | undefined
  maxItems: number | undefined
  /** The only value that is taken. */
  constant: boolean | undefined
  good: Record<string, unknown>
}

const fields: Field[] = (await writesOf(app)).flatMap(({ method, path, body }) => {
  const known = Object.entries(body?.properties ?? {})
  const good = Object.fromEntries(known.map(([field]) => [field, GOOD[field]]))
  // update-user refuses `email` with a different error, so leave it out.
  if (path.endsWith('/update-user')) delete good.email
  return known.flatMap(([field, schema]) => {
    const types = typesOf(schema)
    const [type] = types
    const required = body?.required?.includes(field) ?? false
    const { maxItems, const: constant } = schema
    const facts = { nullable: types.includes('null'), required, options: optionsOf(schema), maxItems, constant }
    return type === undefined ? [] : [{ method, path, field, type, ...facts, good }]
  })
})

function typesOf({ type = [], anyOf }: Schema): string[] {
  return anyOf ? anyOf.flatMap(typesOf) : [type].flat()
}

function optionsOf({ enum: options, items, anyOf }: Schema): string[] | undefined {
  return options ?? (items && optionsOf(items)) ?? anyOf?.map(optionsOf).find((found) => found !== undefined)
}

it('the description names fields, and this file has a good value for each', () => {
  assert.ok(fields.length > 33, `${fields.length} found`)
  for (const { field } of fields) assert.ok(field in GOOD, field)
})

/** The text of a body with `json` as this field and valid values for the others. */
function withField({ good, field }: Field, json: string | undefined): string {
  const others = Object.entries(good).filter(([name]) => name !== field)
  const pairs = others.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`)
  return `{${[...pairs, ...(json === undefined ? [] : [`"${field}":${json}`])].join(',')}}`
}

type Issue = { path: string; message: string }
type Damage = { json: string | undefined; received: string; fine?: (field: Field) => boolean }

const UNKNOWN_OPTION = 'Select one of the listed options'

/** The profile's fields have their own messages, the same as on the pages, whatever is wrong with the value. */
const OWN_WORDS: Record<string, string> = {
  softwareExperience: UNKNOWN_OPTION,
  programmingLanguages: UNKNOWN_OPTION,
  skillLevel: UNKNOWN_OPTION,
  hardwareAccess: UNKNOWN_OPTION,
  primaryFocus: UNKNOWN_OPTION,
  projectGoals: UNKNOWN_OPTION,
  projectGoalsText: 'Enter text',
}

/** The expected message for a wrong field, and its path: for a list of wrong items, the path of the first item. */
function issueOf({ field, type, options, constant }: Field, received: string): Issue {
  const listed = options?.map((option) => JSON.stringify(option)).join('|')
  // An object with whatever an authenticator has made.
  const name = type === 'object' ? 'record' : type
  const one = constant === undefined ? `${name}, received ${received}` : constant
  const expected = listed === undefined ? `input: expected ${one}` : `option: expected one of ${listed}`
  return {
    path: type === 'array' && received === 'array' ? `body.${field}.0` : `body.${field}`,
    message: OWN_WORDS[field] ?? `Invalid ${expected}`,
  }
}

const send = (field: Field, json: string | undefined) =>
  call(app, field.path, { method: field.method, headers, body: withField(field, json) })

const nameOf = ({ method, path, field }: Field) => `${field} of ${method} ${path}`

/** Asserts that only this field was refused, with this message, and that the answer repeats nothing that was sent. */
function assertRefused(answer: Awaited<ReturnType<typeof send>>, issue: Issue, what: string) {
  assertPlainRefusal(answer, what)
  const { path, message } = issue
  assert.deepEqual(refusalOf(answer), { status: 400, code: 'VALIDATION_ERROR', message: `[${path}] ${message}` }, what)
  assert.deepEqual(JSON.parse(answer.text).issues, [issue], what)
  assert.ok(!answer.text.includes(MARKER), what)
}

const DAMAGES: Record<string, Damage> = {
  missing: { json: undefined, received: 'undefined', fine: ({ required }) => !required },
  null: { json: 'null', received: 'null', fine: ({ nullable }) => nullable },
  true: { json: 'true', received: 'boolean', fine: ({ type, constant }) => type === 'boolean' && constant !== false },
  'a number': { json: '7', received: 'number' },
  'a number that no double holds': { json: '9007199254740993', received: 'number' },
  'a number beyond all numbers': { json: '1e309', received: 'Infinity' },
  'a list of the right thing': { json: `["${MARKER}"]`, received: 'array' },
  'an object': { json: `{"${MARKER}":1}`, received: 'object', fine: ({ type }) => type === 'object' },
  'an object that means something to the language': {
    json: `{"__proto__":{"length":9},"toString":"${MARKER}"}`,
    received: 'object',
    fine: ({ type }) => type === 'object',
  },
  'a text': { json: `"${MARKER}"`, received: 'string', fine: ({ type, options }) => type === 'string' && !options },
  'lists in lists': { json: '['.repeat(2_000) + ']'.repeat(2_000), received: 'array' },
}

describe('[P12, X09, X23] a field of a body is refused that is', () => {
  for (const [name, { json, received, fine = () => false }] of Object.entries(DAMAGES)) {
    it(name, async () => {
      const before = await stateOf(app)
      const wrong = fields.filter((field) => !fine(field))
      assert.ok(wrong.length > 0, 'some field is damaged')
      const logged = app.log().length
      for (const field of wrong) assertRefused(await send(field, json), issueOf(field, received), nameOf(field))
      const log = app.log().slice(logged)
      assert.ok(!log.includes(MARKER), 'nothing of it is logged')
      assert.equal(await stateOf(app), before)
    })
  }
})

it('a field of a choice takes every option that is described', async () => {
  // `method` is taken with the right password only: contract-second-step.test.ts; `type` where there is mail:
  // contract-email-otp.test.ts.
  const choices = fields.filter(({ options, field }) => options && !['method', 'type'].includes(field))
  assert.ok(choices.length > 6, `${choices.length} found`)
  for (const field of choices) {
    for (const option of field.options ?? []) {
      const { status, text } = await send(field, JSON.stringify(field.type === 'array' ? [option] : option))
      assert.equal(status, 200, `${option} as ${nameOf(field)}: ${text}`)
    }
  }
})

type Bound = { field: Field; most: number; of: (amount: number) => unknown; message: string }

function boundsOf(field: Field): Bound[] {
  const { type, maxItems: most = Number.NaN, options: [option] = [] } = field
  if (type === 'array') return [{ field, most, of: (amount) => Array(amount).fill(option), message: UNKNOWN_OPTION }]
  if (field.field !== 'projectGoalsText') return []
  // This limit counts characters as people see them, which JSON Schema cannot express, so it is added here by hand.
  const message = 'Tell us more in 500 characters or fewer'
  return ['a', '🤖'].map((one) => ({ field, most: 500, of: (amount) => one.repeat(amount), message }))
}

describe('a field takes as much as this and no more', () => {
  const bounds = fields.flatMap(boundsOf)

  it('as every list has a bound', () => {
    assert.ok(bounds.length > 4, `${bounds.length} found`)
    for (const { field, most } of bounds) assert.ok(most <= 1_000, nameOf(field))
  })

  for (const { field, most, of, message } of bounds) {
    it(`${nameOf(field)}: ${most} of ${JSON.stringify([of(1)].flat()[0])}`, async () => {
      const { status, text } = await send(field, JSON.stringify(of(most)))
      assert.equal(status, 200, text)
      const before = await stateOf(app)
      const answer = await send(field, JSON.stringify(of(most + 1)))
      assertRefused(answer, { path: `body.${field.field}`, message }, nameOf(field))
      assert.equal(await stateOf(app), before)
    })
  }
})

/** Text that can break databases, headers and logs. None of it may cause a 500. */
const TEXTS: Record<string, string> = {
  NUL: '\\u0000',
  'NUL within': `${MARKER}\\u0000${MARKER}`,
  'half a character': '\\ud800',
  'the other half': `${MARKER}\\udc00`,
  'both halves the wrong way round': '\\udc00\\ud800',
  'the mark of damage': '\\ufffd',
  'all controls': '\\u0001\\u0007\\u001b[31m\\r\\n\\t\\u007f\\u0085\\u2028',
  'text that turns around': '\\u202e\\u200b\\ufeff',
  'a thousand accents': `e${'\\u0301'.repeat(1_000)}`,
  'ten thousand characters': MARKER.repeat(1_400),
  nothing: '',
  SQL: `${MARKER}' or '1'='1'; drop table users; --`,
  'an address with SQL': `'or'1'='1'--@example.org`,
  markup: `<script>alert('${MARKER}')</script>`,
  'an address with a letter that folds into another': 'ben@example.or\\u212a',
  'an address of the web with NUL': `https://example.org/${MARKER}\\u0000`,
  'a path with letters beyond Latin': '/\\u2603',
}

describe('[X04, X11] no text in any field is a fault of ours', () => {
  for (const [name, text] of Object.entries(TEXTS)) {
    it(name, async () => {
      await app.sql`delete from rate_limits`
      const logged = app.log().length
      for (const field of fields.filter(({ type }) => type === 'string' || type === 'array')) {
        const answer = await send(field, field.type === 'array' ? `["${text}"]` : `"${text}"`)
        const what = `${nameOf(field)}: ${answer.status} ${answer.text.slice(0, 200)}`
        assert.ok(answer.status < 500, what)
        assert.equal(answer.headers['content-type'], 'application/json', what)
        assert.doesNotMatch(answer.text, /\bat .*:\d+|node_modules|postgres/, what)
        if (answer.status >= 400) assert.ok(!answer.text.includes(MARKER), what)
      }
      const log = app.log().slice(logged)
      assert.ok(!/"level":(50|60)/.test(log), 'no fault is logged')
      assert.ok(!log.includes(MARKER), 'nothing of it is logged')
    })
  }

  it('and the people who were there are there still', async () => {
    assert.equal((await api.get('/api/auth/get-session')).body.user.email, ada.email)
    await app.sql`delete from rate_limits`
    assert.equal((await openApi(app).signIn(ada)).status, 200)
    assert.equal((await openApi(app).signUp(somebody('Ben'))).status, 200)
  })
})

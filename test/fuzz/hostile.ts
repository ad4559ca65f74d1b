/** Values that nobody types, and what an answer to them must not be. Each holds a mark by which it is found again. */
import assert from 'node:assert/strict'
import type { TestApp } from '../support/app.ts'
import type { Answer } from './client.ts'

/** Nothing of ours has this in it. Unescaped, the mark begins an element. */
export const SIGN = 'q9z'
export const MARK = `${SIGN}"'><i ${SIGN}>&`
const RAW = `<i ${SIGN}`

/** Text for the fields of forms, of JSON, of addresses. */
export const TEXTS: Record<string, string> = {
  nothing: '',
  space: ' \t ',
  'a mark': MARK,
  'a mark as an address': `${SIGN}'&<i>@example.org`,
  NUL: `${MARK}\0`,
  'control characters': `${MARK}\u0001\u0007\u001b[2J\u007f\u0085`,
  'two lines': `${MARK}\r\nSet-Cookie: ${SIGN}=1\r\n\r\n<script>`,
  'separators of lines': `${MARK}\u2028\u2029`,
  'right to left': `\u202e${MARK}\u2066`,
  'not a character': `${MARK}\uffff\ufdd0`,
  'half a pair': `${MARK}\ud800`,
  'many accents': `${MARK}a${'\u0301'.repeat(2_000)}`,
  long: MARK.repeat(400),
  'a long address': `${'a'.repeat(64)}@${'b.'.repeat(120)}org`,
  'a name of every object': '__proto__',
  'another one': 'constructor',
  SQL: `${SIGN}'; drop table users; --`,
  'a template': `${SIGN}<%= it %>\${7*7}{{7*7}}`,
  'a number': '-1',
  'a huge number': '1e309',
  'no number': 'NaN',
  yes: 'yes',
  'another site': `//${SIGN}.example/`,
  'a script': `javascript:alert('${SIGN}')`,
}

/** Values for the fields of JSON. */
export const VALUES: Record<string, unknown> = {
  ...TEXTS,
  null: null,
  true: true,
  zero: 0,
  'a fraction': 0.5,
  'a huge number': 1e308,
  'beyond whole numbers': 2 ** 60,
  'no items': [],
  'a list': [MARK],
  'a list of everything': [null, 1, {}, [], MARK],
  'many items': Array.from({ length: 2_000 }, () => 1),
  'an object': {},
  'an object with marks': { [MARK]: MARK, toString: MARK, length: 1e9 },
  'a deep object': JSON.parse(`${'{"a":'.repeat(1_500)}1${'}'.repeat(1_500)}`),
  'a deep list': JSON.parse(`${'['.repeat(3_000)}${']'.repeat(3_000)}`),
  'a prototype': JSON.parse(`{"__proto__":{"isAdmin":true,"q":"${SIGN}"},"constructor":{"prototype":{}}}`),
}

/** Whatever was sent: no fault of ours, nothing unescaped, no header of theirs. */
export function assertHarmless({ status, headers, text, route }: Answer, what: string): void {
  const said = `${route}, ${what}: ${status} ${text.slice(0, 200)}`
  assert.ok(status >= 200 && status < 500, said)
  // In a copy of one's data it stands as it is, and is no markup there.
  if (!headers['content-type']?.startsWith('application/json'))
    assert.ok(!text.includes(RAW), `${said} repeats it unescaped`)
  const given = Object.entries(headers).filter(([name]) => name !== 'location')
  assert.ok(!JSON.stringify(given).includes(SIGN), `${said} has it in a header`)
  assert.match(headers.location ?? '/', /^(\/(?!\/)|http:\/\/127\.0\.0\.1:)/, `${said} leads elsewhere`)
}

/** What was typed is nobody's business, the log's least of all. */
export function assertNotLogged(app: Pick<TestApp, 'takeLog'>, what: string): void {
  const line = app
    .takeLog()
    .split('\n')
    // An origin that is refused is told to the operator, who may have to allow it.
    .filter((it) => !it.includes('"msg":"origin refused"'))
    .find((it) => it.includes(SIGN) || /"level":(50|60)/.test(it))
  assert.equal(line, undefined, `${what}: ${line?.slice(0, 600)}`)
}

const { FUZZ_SEED, FUZZ_SHARE = '8' } = process.env
/** Another one each time; a failure names it. */
export const seed = FUZZ_SEED === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(FUZZ_SEED)

/** One of eight of them, or all for `npm run fuzz -- --hostile`. */
export function* someOf<Item>(items: Iterable<Item>, of = Number(FUZZ_SHARE)): Generator<Item> {
  let place = seed
  for (const item of items) {
    if (place % of === 0) yield item
    place += 1
  }
}

/** What a device calls itself is stored and shown as text: never a character that moves the cursor of a terminal. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startApp } from '../../support/app.ts'
import { type Person, somebody } from '../../support/people.ts'
import { exchange } from '../../support/raw-http.ts'

const app = await startApp({}, { atPublicUrl: true })
const C1 = Array.from({ length: 32 }, (_, index) => String.fromCharCode(0x80 + index)).join('')

/** The body is bytes, because Node would send the head in the encoding of a text. */
async function call(userAgent: string, path: string, person: Person): Promise<void> {
  const headers = { 'User-Agent': userAgent, 'Content-Type': 'application/json' }
  const body = Buffer.from(JSON.stringify(person))
  assert.equal((await exchange(app, path, { method: 'POST', headers, body })).status, 200)
}

describe('[X27] a device that calls itself', () => {
  for (const [what, given, kept] of [
    [
      'what browsers do',
      'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0',
      'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0',
    ],
    ['a tab', 'Fire\tfox', 'Firefox'],
    ['an order to a terminal', 'Firefox \u009b31mred', 'Firefox 31mred'],
    ['the next line', 'Firefox\u0085{"level":60}', 'Firefox{"level":60}'],
    ['every character of C1', `Fire${C1}fox`, 'Firefox'],
    ['nothing else', C1, ''],
    ['letters beside them', 'Caf\u00e9\u00a0\u00ff', 'Caf\u00e9\u00a0\u00ff'],
    ['so many that they would fill the place', `${C1.repeat(20)}Firefox`, 'Firefox'],
  ] as const) {
    it(`${what} is kept as "${kept}"`, async () => {
      const person = somebody('Ada')
      await call(given, '/api/auth/sign-up/email', person)
      await call(given, '/api/auth/sign-in/email', person)
      const rows = await app.sql<{ name: string }>`
        select s.user_agent as name from sessions s join users u on u.id = s.user_id where u.email = ${person.email}
        union all
        select a.user_agent from activity a join users u on u.id = a.user_id where u.email = ${person.email}`
      assert.deepEqual(
        rows.map(({ name }) => name),
        Array.from({ length: 4 }, () => kept),
      )
    })
  }
})

/**
 * `npm run soak`: 50,000 requests of people who come and go, and what the server holds after 10,000 and at the end. By then
 * everything that is filled once is full, so memory, connections, listeners and rows must be the same. Prints a table.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deleteWhatIsOver } from '../../src/clearing.ts'
import { openClient } from './client.ts'
import { PASSWORDS, startFuzzed } from './world.ts'

const REQUESTS = Number(process.env.SOAK_REQUESTS ?? '50000')
const FIRST_LOOK = REQUESTS / 5
const PEOPLE = 24
const MB = 2 ** 20
/** What may come on top: the last tokens of 2,000 sessions are kept, and the heap is never quite the same. */
const HEAP_MORE_MB = 12
const RSS_MORE_MB = 60

const app = await startFuzzed()
const [PASSWORD = ''] = PASSWORDS
let sent = 0

/** Somebody who logs in, looks around, mistypes, refreshes and leaves, again and again. */
async function comeAndGo(index: number, until: number): Promise<void> {
  const client = openClient(app.url)
  const person = { name: `Ada ${index}`, email: `soak-${index}@example.org`, password: PASSWORD }
  const counted = async <Sent>(answer: Promise<Sent>): Promise<Sent> => {
    sent += 1
    return answer
  }
  await counted(client.call('/api/auth/sign-up/email', person))
  while (sent < until) {
    await counted(client.submit('/login', { email: person.email, password: 'not the password' }))
    assert.equal((await counted(client.submit('/login', person))).status, 303)
    for (const page of [
      '/',
      '/dashboard',
      '/account',
      '/account/sessions',
      '/lessons/f1',
      '/plan',
      '/profile',
      '/nowhere',
    ]) {
      await counted(client.get(page))
    }
    for (const call of ['get-session', 'token', 'list-sessions', 'get-session?a=1'])
      await counted(client.get(`/api/auth/${call}`))
    const { text } = await counted(client.call('/api/auth/refresh-token', {}))
    await counted(client.call('/api/auth/refresh', { refreshToken: JSON.parse(text).refreshToken }))
    await counted(client.call('/api/auth/update-user', { name: { not: 'text' } }))
    await counted(client.submit('/account', { name: person.name }))
    await counted(client.call('/api/auth/request-password-reset', { email: person.email }))
    // `submit` opens a page before.
    sent += 3
    assert.equal((await counted(client.submit('/cookies', {}, '/logout'))).status, 303)
    await app.sql`delete from rate_limits`
    await app.sql`delete from outbox`
    app.takeLog()
  }
}

async function look(): Promise<Record<string, number>> {
  app.advance(2 * 60 * 60_000 + 60_000)
  await deleteWhatIsOver(app.deps)
  const [rows] = await app.sql<{ sessions: number; users: number; families: number; connections: number }>`
    select (select count(*) from sessions)::int as sessions, (select count(*) from all_users)::int as users,
      (select count(*) from refresh_families)::int as families,
      (select count(*) from pg_stat_activity where datname = current_database())::int as connections`
  for (let times = 0; times < 3; times += 1) {
    globalThis.gc?.()
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  const { rss, heapUsed, external } = process.memoryUsage()
  const resources = process.getActiveResourcesInfo()
  const listeners = process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0)
  return {
    'heap (MB)': Math.round((heapUsed / MB) * 10) / 10,
    'outside of it (MB)': Math.round((external / MB) * 10) / 10,
    'resident (MB)': Math.round(rss / MB),
    'connections to the database': rows?.connections ?? 0,
    sockets: resources.filter((name) => /TCP/.test(name)).length,
    timers: resources.filter((name) => name === 'Timeout').length,
    'listeners of the process': listeners,
    'rows of sessions': rows?.sessions ?? 0,
    'rows of users': rows?.users ?? 0,
    'rows of refresh families': rows?.families ?? 0,
  }
}

const crowd = (until: number) => Promise.all(Array.from({ length: PEOPLE }, (_, index) => comeAndGo(index, until)))

test(`after ${REQUESTS} requests the server holds what it held after ${FIRST_LOOK}`, async () => {
  assert.ok(globalThis.gc, 'run it by `npm run soak`, which lets it ask for a collection')
  await crowd(FIRST_LOOK)
  const early = await look()
  const startedAt = performance.now()
  await crowd(REQUESTS)
  const perSecond = Math.round((REQUESTS - FIRST_LOOK) / ((performance.now() - startedAt) / 1_000))
  const late = await look()
  console.log(`\n| after | ${FIRST_LOOK} | ${sent} requests |\n|---|--:|--:|`)
  for (const [what, value] of Object.entries(early)) console.log(`| ${what} | ${value} | ${late[what]} |`)
  console.log(`\n${perSecond} requests a second, by ${PEOPLE} people at once in the same process\n`)
  const more = (what: string) => (late[what] ?? 0) - (early[what] ?? 0)
  assert.ok(more('heap (MB)') < HEAP_MORE_MB, `${more('heap (MB)')} MB more heap`)
  assert.ok(more('resident (MB)') < RSS_MORE_MB, `${more('resident (MB)')} MB more`)
  assert.ok(more('sockets') <= 2 && more('timers') <= 2, 'sockets and timers')
  assert.ok((late['connections to the database'] ?? 0) <= 6, 'connections to the database')
  for (const what of Object.keys(early).filter((name) => /^(rows|listeners)/.test(name)))
    assert.equal(more(what), 0, what)
})

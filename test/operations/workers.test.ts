/** A server of several processes (WEB_CONCURRENCY): for people it is one. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { after, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import supertest from 'supertest'
import { createDb } from '../../src/database/database.ts'
import { NEWEST_SCHEMA } from '../../src/database/migrate.ts'
import { type ApiClient, apiLearner, openApi } from '../support/api.ts'
import { SECRET, startApp } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { comingBack, learner, type Person } from '../support/people.ts'
import { eventually, type ServerProcess, startProgram, startServer } from '../support/process.ts'
import { COOKIE } from '../support/sessions.ts'
import { KNOWS_CONNECTIONS, linesToAll, workersOf } from '../support/workers.ts'

/** Longer than a busy machine takes for an answer. */
const PATIENCE_MS = 25_000
const TAKES_OVER_IN_MS = 12_000

async function startWorkers(environment: Record<string, string> = {}) {
  const DATABASE_URL = environment.DATABASE_URL ?? (await createDatabase())
  const server = await startServer({ WEB_CONCURRENCY: '2', DATABASE_URL, ...environment })
  const db = createDb({ url: DATABASE_URL, poolMax: 2 })
  after(() => db.close())
  return { server, sql: db.sql }
}

const isGone = (pid: number): boolean => {
  try {
    return !process.kill(pid, 0)
  } catch {
    return true
  }
}

const cookieOf = ({ agent }: ApiClient): string => {
  const access = { domain: '127.0.0.1', path: '/', secure: false, script: false }
  return `${COOKIE}=${agent.jar.getCookie(COOKIE, access as never)?.value}`
}

const linesWith = ({ written }: Pick<ServerProcess, 'written'>, text: string): string[] =>
  written.out.split('\n').filter((line) => line.includes(text))

/** Resolves to the status. The answer is not compared with the API's description: the server may be gone by then. */
async function signInAt({ url }: ServerProcess, { email, password }: Person): Promise<number> {
  const call = () =>
    supertest(url)
      .post('/api/auth/sign-in/email')
      .set('Origin', url)
      .ok(() => true)
      .send({ email, password })
  return (await comingBack(call)).status
}

/** Resolves to the status, or to how the connection ended without one. */
function visit({ port }: ServerProcess, path: string, { cookie, agent }: { cookie: string; agent: Agent }) {
  return new Promise<number | 'cut off' | 'hung'>((resolve) => {
    const asking = request({ host: '127.0.0.1', port, path, agent, headers: { cookie } }, (response) => {
      response.resume().once('error', () => resolve('cut off'))
      response.once('end', () => resolve(response.statusCode ?? 0))
    })
    asking.setTimeout(PATIENCE_MS, () => {
      resolve('hung')
      asking.destroy()
    })
    asking.once('error', () => resolve('cut off')).end()
  })
}

/** Many learners who read who they are, half on connections that they keep and half on new ones. */
function visitors(server: ServerProcess, cookie: string) {
  const VISITORS = 24
  const PAUSE_MS = 40
  const seen = { answered: 0, cutOff: 0, hung: 0, wrong: new Set<number>() }
  let over = false
  const loops = Array.from({ length: VISITORS }, async (_, number) => {
    const agent = new Agent({ keepAlive: number % 2 === 0, maxSockets: 1 })
    while (!over) {
      const status = await visit(server, '/api/auth/get-session', { cookie, agent })
      if (status === 200) seen.answered += 1
      else if (status === 'cut off') seen.cutOff += 1
      else if (status === 'hung') seen.hung += 1
      else seen.wrong.add(status)
      await sleep(PAUSE_MS)
    }
    agent.destroy()
  })
  return {
    seen,
    atMost: VISITORS,
    /** Waits until so many more have been answered. */
    more: (count: number) => {
      const wanted = seen.answered + count
      return eventually(`${count} more answers`, () => seen.answered >= wanted)
    },
    async end() {
      over = true
      await Promise.all(loops)
    },
  }
}

describe('a server with WEB_CONCURRENCY', () => {
  it('of 1, which is the default, is one process', async () => {
    const DATABASE_URL = await createDatabase()
    for (const environment of [{ DATABASE_URL }, { DATABASE_URL, WEB_CONCURRENCY: '1' }]) {
      const server = await startServer(environment)
      assert.deepEqual(workersOf(server), [])
      assert.doesNotMatch(server.written.out, /workers/)
    }
  })

  it('of 2 says once that it is ready, and ends once and well, whoever gets the signals', async () => {
    const { server } = await startWorkers()
    const pids = workersOf(server)
    assert.equal(pids.length, 2)
    assert.equal(linesWith(server, '"msg":"ready"').length, 1)
    assert.equal((await fetch(`${server.url}/health/ready`)).status, 200)
    // Ctrl-C reaches the whole group, and hosts send more than one signal.
    for (const pid of pids) process.kill(pid, 'SIGINT')
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGTERM', 'SIGHUP'] as const) server.kill(signal)
    assert.deepEqual(await server.ended(), { code: 0, signal: null })
    assert.equal(server.written.err, '')
    assert.equal(linesWith(server, '"msg":"stopping"').length, 1)
    await eventually('the workers to be gone', () => pids.every(isGone))
  })

  it('says once what is wrong with its settings, its port or its database', async () => {
    const wrong = startProgram(['dist/server.js'], {
      NODE_ENV: 'test',
      WEB_CONCURRENCY: '4',
      BCRYPT_COST: '3',
      PORT: 'x',
    })
    assert.deepEqual(await wrong.ended(), { code: 78, signal: null })
    assert.deepEqual(wrong.written.err.match(/^ {2}- \w+/gm), ['  - PORT', '  - BCRYPT_COST'])

    const DATABASE_URL = await createDatabase()
    const first = await startServer({ DATABASE_URL })
    const environment = { NODE_ENV: 'test', WEB_CONCURRENCY: '3', APP_SECRETS: SECRET, DATABASE_URL }
    const taken = startProgram(['dist/server.js'], { ...environment, PORT: String(first.port) })
    assert.deepEqual(await taken.ended(), { code: 1, signal: null })
    assert.equal(taken.written.err.match(/^PORT must be a free port/gm)?.length, 1)
    assert.equal(taken.written.err.trimEnd().split('\n').length, 3)

    const db = createDb({ url: DATABASE_URL, poolMax: 1 })
    await db.sql`delete from schemaversion where version = ${NEWEST_SCHEMA}`
    await db.close()
    const old = startProgram(['dist/server.js'], { ...environment, PORT: '0' })
    assert.deepEqual(await old.ended(), { code: 1, signal: null })
    assert.match(old.written.err, /^The database's schema is at version \d+, this program needs \d+\. Run: .*\n$/)
    assert.equal(linesWith(old, '"msg":"ready"').length, 0)
  })
})

describe('fifty logins at once, at two workers', () => {
  it('are ten tries and forty refusals, when the password is wrong', async () => {
    const { server, sql } = await startWorkers()
    const { person } = await learner(server, 'Ada')
    const guesses = Array.from({ length: 50 }, async () => {
      const guess = { ...person, password: 'not the password of Ada' }
      const { status } = await comingBack(() => openApi(server).signIn(guess))
      return status
    })
    const statuses = (await Promise.all(guesses)).toSorted()
    assert.deepEqual(statuses, [...Array(10).fill(401), ...Array(40).fill(429)])
    const rows = await sql<{ kind: string; points: number }>`
      select split_part(key, ':', 1) as kind, points from rate_limits where key like 'failures%'`
    assert.deepEqual([...rows], [{ kind: 'failuresByAddress', points: 10 }])
  })

  it('are fifty sessions, when the password is right', async () => {
    const { server, sql } = await startWorkers()
    const { person } = await learner(server, 'Ada')
    const logins = Array.from(
      { length: 50 },
      async () => (await comingBack(() => openApi(server).signIn(person))).status,
    )
    assert.deepEqual(new Set(await Promise.all(logins)), new Set([200]))
    const [row] = await sql<{ count: number }>`select count(*)::int as count from sessions`
    assert.equal(row?.count, 51)
  })
})

describe('a worker that is killed', () => {
  it('takes nothing with it but what it held, and is replaced', async () => {
    const { server } = await startWorkers()
    const { browser } = await learner(server, 'Ada')
    const load = visitors(server, `${COOKIE}=${browser.cookie(COOKIE)}`)
    await load.more(300)
    assert.equal(load.seen.cutOff, 0)

    for (let deaths = 1; deaths <= 2; deaths += 1) {
      const [victim = 0, survivor] = workersOf(server)
      process.kill(victim, 'SIGKILL')
      await load.more(100)
      await eventually('another one to serve', () => linesWith(server, 'a new worker serves').length === deaths)
      const [still, replacement] = workersOf(server)
      assert.equal(still, survivor)
      assert.ok(replacement && replacement !== victim)
    }
    await load.more(300)
    await load.end()
    // Each of them was waiting for one answer at most, and nobody waits for ever.
    assert.ok(load.seen.cutOff <= 2 * load.atMost, `${load.seen.cutOff} were cut off`)
    assert.equal(load.seen.hung, 0)
    assert.deepEqual(load.seen.wrong, new Set())

    server.kill('SIGTERM')
    assert.deepEqual(await server.ended(), { code: 0, signal: null })
    assert.equal(server.written.err, '')
  })

  it('again and again as it starts, is replaced after longer and longer pauses', async () => {
    const { server } = await startWorkers()
    const pauses = () =>
      linesWith(server, 'a worker ended').map((line) => (JSON.parse(line) as { pauseMs: number }).pauseMs)
    for (let deaths = 1; deaths <= 3; deaths += 1) {
      const newest = workersOf(server).at(-1) ?? 0
      process.kill(newest, 'SIGKILL')
      await eventually('its place to be taken', () => pauses().length === deaths && workersOf(server).length === 2)
    }
    const [first = 0, second = 0, third = 0] = pauses()
    assert.ok(first > 0 && second > first && third > second, String(pauses()))
    assert.equal((await fetch(`${server.url}/health/ready`)).status, 200)
  })

  it('while the system gives no new process is replaced when it does, and the other one serves', async (test) => {
    const { server } = await startWorkers()
    const [victim = 0, survivor] = workersOf(server)
    const filesOf = (limit: string) =>
      execFileSync('prlimit', ['--pid', String(server.pid), ...limit.split(' ')], { encoding: 'utf8' }).trim()
    const usual = await Promise.resolve('--nofile --output=SOFT --noheadings')
      .then(filesOf)
      .catch(() => undefined)
    if (usual === undefined) return test.skip('this machine has no prlimit')
    filesOf('--nofile=10:')
    process.kill(victim, 'SIGKILL')
    await eventually('it to be tried', () => linesWith(server, 'a worker cannot be started').length > 1)
    assert.deepEqual(workersOf(server), [survivor])
    filesOf(`--nofile=${usual}:`)
    await eventually('its place to be taken', () => linesWith(server, 'a new worker serves').length === 1)
    server.kill('SIGTERM')
    assert.deepEqual(await server.ended(), { code: 0, signal: null })
    assert.equal(server.written.err, '')
  })

  it('by its primary’s death finishes what it has begun, and ends by itself', async () => {
    const { server, sql } = await startWorkers({ BCRYPT_COST: '13' })
    const { person } = await learner(server, 'Ada')
    const pids = workersOf(server)
    const answer = signInAt(server, person)
    await eventually('the login to be counted', async () => {
      const rows = await sql`select 1 as counted from rate_limits where key like 'loginByAddress%'`
      return rows.length === 1
    })
    server.kill('SIGKILL')
    assert.equal(await answer, 200)
    await eventually('the workers to be gone', () => pids.every(isGone))
    await assert.rejects(
      new Promise((resolve, reject) =>
        connect(server.port, '127.0.0.1').once('connect', resolve).once('error', reject),
      ),
      { code: 'ECONNREFUSED' },
    )
  })
})

it('a worker that is stopped alone answers what has reached it at that moment', async () => {
  const { server } = await startWorkers()
  for (let times = 1; times <= 3; times += 1) {
    const [one = 0] = workersOf(server)
    process.kill(one, 'SIGSTOP')
    // Each of the workers is given one of them, and the other one takes the rest.
    const answers = Array.from({ length: 4 }, () => visit(server, '/health/live', { cookie: '', agent: new Agent() }))
    await Promise.race(answers)
    for (const signal of ['SIGTERM', 'SIGCONT'] as const) process.kill(one, signal)
    assert.deepEqual(await Promise.all(answers), Array(4).fill(200))
    await eventually('its place to be taken', () => linesWith(server, 'a new worker serves').length === times)
  }
})

it('[F14] a stop under load loses no login that was begun', async () => {
  const { server, sql } = await startWorkers()
  const people = await Promise.all(Array.from({ length: 8 }, () => apiLearner(server, 'Ada')))
  let answered = 0
  const loops = people.map(async ({ person }) => {
    for (;;) {
      const status = await signInAt(server, person).catch(() => undefined)
      if (status === undefined) return
      assert.equal(status, 200)
      answered += 1
    }
  })
  await eventually('some logins', () => answered >= 20)
  server.kill('SIGTERM')
  assert.deepEqual(await server.ended(), { code: 0, signal: null })
  await Promise.all(loops)
  assert.equal(server.written.err, '')
  const [row] = await sql<{ count: number }>`select count(*)::int as count from sessions`
  assert.equal(row?.count, people.length + answered)
})

describe('what one worker has done', {
  skip: !KNOWS_CONNECTIONS && 'only Linux tells which process has which connection',
}, () => {
  it('a logout ends for the other one at once, with every token', async () => {
    const { server } = await startWorkers()
    const [one, other] = await linesToAll(server)
    assert.ok(one && other)
    for (const [here, there] of [
      [one, other],
      [other, one],
    ] as const) {
      const { api } = await apiLearner(server, 'Ada')
      const cookie = cookieOf(api)
      for (const line of [here, there]) {
        assert.equal((await line.ask('/api/auth/token', { headers: { cookie } })).status, 200)
        assert.equal((await line.ask('/dashboard', { headers: { cookie } })).status, 200)
      }
      const headers = { cookie, origin: server.url, 'content-type': 'application/json' }
      const logout = await here.ask('/api/auth/sign-out', { method: 'POST', headers, body: '{}' })
      assert.equal(logout.status, 200)
      assert.equal((await there.ask('/api/auth/token', { headers: { cookie } })).status, 401)
      assert.equal((await there.ask('/api/auth/get-session', { headers: { cookie } })).text, 'null')
      assert.equal((await there.ask('/dashboard', { headers: { cookie } })).status, 303)
    }
  })

  it('a first key is made once, and a new one is never used before the other publishes it', async () => {
    const DATABASE_URL = await createDatabase()
    const { server: early, sql } = await startWorkers({ DATABASE_URL })
    const kids = await kidsSeen(early)
    const keys = await sql<{ kid: string }>`select kid from signing_keys`
    assert.deepEqual([...kids], [keys[0]?.kid])
    early.kill('SIGTERM')
    await early.ended()

    // A key that waits, and takes over soon after the workers have started.
    const operator = await startApp({}, { databaseUrl: DATABASE_URL })
    await operator.deps.keyRing.rotate()
    const takesOver = Date.now() + TAKES_OVER_IN_MS
    await sql`update signing_keys set signs_from = ${new Date(takesOver)} where generation = 2`
    const { server } = await startWorkers({ DATABASE_URL })
    const [next] = await sql<{ kid: string }>`select kid from signing_keys where generation = 2`
    await eventually('both to sign with the new key', async () => {
      const seen = await kidsSeen(server)
      return seen.size === 1 && next !== undefined && seen.has(next.kid)
    })
    assert.ok(Date.now() >= takesOver, 'it has waited for its time')
  })
})

/** Gets a token from each worker and checks it with the keys that the other one publishes now. Returns their key ids. */
async function kidsSeen(server: ServerProcess): Promise<Set<string>> {
  const [one, other] = await linesToAll(server)
  assert.ok(one && other)
  const { api } = await apiLearner(server, 'Ada')
  const cookie = cookieOf(api)
  const kids = new Set<string>()
  for (const [signing, publishing] of [
    [one, other],
    [other, one],
  ] as const) {
    const { token }: { token: string } = JSON.parse(
      (await signing.ask('/api/auth/token', { headers: { cookie } })).text,
    )
    const published: JSONWebKeySet = JSON.parse((await publishing.ask('/api/auth/jwks')).text)
    const { protectedHeader } = await jwtVerify(token, createLocalJWKSet(published))
    kids.add(protectedHeader.kid ?? '')
  }
  for (const line of [one, other]) line.close()
  return kids
}

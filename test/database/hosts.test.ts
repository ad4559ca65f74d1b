/** An address with several hosts, of which one takes writes: it is found, and found again when another one does. */
import assert from 'node:assert/strict'
import { createConnection, createServer } from 'node:net'
import { after, describe, it } from 'node:test'
import { Unavailable } from '../../src/base/failures.ts'
import { createDb } from '../../src/database/database.ts'
import { freePort } from '../../src/database/embedded/port.ts'
import { migrate, NEWEST_SCHEMA } from '../../src/database/migrate.ts'
import { startApp } from '../support/app.ts'
import { createDatabase, createEmptyDatabase } from '../support/database.ts'
import { learner, openBrowser } from '../support/people.ts'
import { eventually, startProgram, startServer } from '../support/process.ts'
import { startProxy } from '../support/proxy.ts'
import { startPair } from '../support/standby.ts'
import { AUTHORITY, startTlsProxy } from '../support/tls-proxy.ts'

const pair = await startPair()
const { primary, standby } = pair.hosts
const dead = `127.0.0.1:${await freePort()}`
const silent = await startSilentHost()

/** Takes connections and never says a word. */
async function startSilentHost(): Promise<string> {
  const server = createServer((socket) => socket.on('error', () => {}))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  after(() => server.close())
  const address = server.address()
  return `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
}

/** A deadline that a busy machine keeps: which host answers is the subject here, not how fast. */
function open(url: string, deadlineMs = 30_000) {
  const db = createDb({ url, poolMax: 5, deadlineMs })
  after(() => db.close())
  return db
}

const write = ({ sql }: ReturnType<typeof open>, key: string) =>
  sql`insert into rate_limits (key, points, expire) values (${key}, 1, 1)`

describe('of several hosts', () => {
  const ORDERS: Record<string, string[]> = {
    'the primary first': [primary, standby],
    'the stand-by first': [standby, primary],
    'a host that refuses first': [dead, primary],
    'a host that is silent first': [silent, primary],
    'all of them before it': [dead, silent, standby, primary],
  }
  for (const target of ['', '?target_session_attrs=read-write', '?target_session_attrs=primary']) {
    for (const [name, hosts] of Object.entries(ORDERS)) {
      it(`the one that takes writes is found with ${name} and ${target || 'nothing said'}`, async () => {
        const db = open(pair.urlOf(hosts, target))
        // Many at once, and none of them has to try again.
        await Promise.all(Array.from({ length: 12 }, (_, index) => write(db, `${name} ${target} ${index}`)))
      })
    }
  }

  it('none is left open at a stand-by, and none is asked there', async () => {
    const db = open(pair.urlOf([standby, primary]))
    await Promise.all(Array.from({ length: 8 }, () => db.sql`select pg_sleep(0.05)`))
    await eventually('the stand-by to be alone', async () => (await pair.sessions('standby', 'matricula')) === 0)
  })

  it('a stand-by is good enough for whoever says any, until something is to be written', async () => {
    const db = open(pair.urlOf([standby, primary], '?target_session_attrs=any'))
    const [row] = await db.sql<{ reads: boolean }>`select pg_is_in_recovery() as reads`
    assert.equal(row?.reads, true)
    await assert.rejects(write(db, 'any'), Unavailable)
    await eventually('the other host to take it', () => write(db, 'any').then(() => true))
  })

  it('with none that takes writes everybody is told, and nobody waits', async () => {
    const db = open(pair.urlOf([standby, dead]))
    const tries = Array.from({ length: 10 }, () => assert.rejects(write(db, 'nowhere'), Unavailable))
    await Promise.all(tries)
  })

  it('the next has its turn when several connections are lost at one of them, and nobody hears of it', async () => {
    const url = await createDatabase()
    const [lost, other] = [await startProxy(url), await startProxy(url)]
    const db = open(url.replace(new URL(url).host, `${new URL(lost.url).host},${new URL(other.url).host}`))
    await db.sql`select 1`
    const working = assert.rejects(db.sql`select pg_sleep(60)`, Unavailable)
    lost.swallow()
    const waiting = Array.from({ length: 4 }, () => db.sql`select 1`)
    const settled = Promise.allSettled(waiting)
    await eventually('two to be opened at once', () => lost.connectedAt().length === 3)
    lost.cut()
    await working
    assert.deepEqual(new Set((await settled).map(({ status }) => status)), new Set(['fulfilled']))
  })

  it('a single one that only reads is refused if writes are asked for', async () => {
    const db = open(pair.urlOf([standby], '?target_session_attrs=read-write'))
    await assert.rejects(db.sql`select 1`, Unavailable)
    assert.equal((await open(pair.urlOf([standby])).sql`select 1`).length, 1)
  })

  it('one whose default is read-only is no read-write, but may be the primary', async () => {
    const url = await createDatabase()
    const { sql } = open(url)
    await sql`select set_config('x.name', current_database(), false)`
    const [row] = await sql<{ name: string }>`select current_database() as name`
    await open(url).pool.query(`alter database ${row?.name} set default_transaction_read_only = on`)
    await assert.rejects(open(`${url}?target_session_attrs=read-write`).sql`select 1`, Unavailable)
    assert.equal((await open(`${url}?target_session_attrs=primary`).sql`select 1`).length, 1)
  })
})

describe('the certificate of each of several hosts', () => {
  it('must be for the name by which that host is called', async () => {
    const secured = await startTlsProxy(await createDatabase())
    const named = secured.href
    const byAddress = named.replace('localhost', '127.0.0.1')
    const tls = `?sslrootcert=${encodeURIComponent(AUTHORITY)}`
    await assert.rejects(open(byAddress + tls).sql`select 1`, (error) => {
      assert.ok(error instanceof Unavailable && error.cause instanceof Error)
      return 'code' in error.cause && error.cause.code === 'ERR_TLS_CERT_ALTNAME_INVALID'
    })
    const both = `${named.replace('localhost', `127.0.0.1:${secured.port},localhost`)}${tls}`
    assert.equal((await open(both).sql`select 1`).length, 1)
  })
})

describe('the commands', () => {
  const settings = { NODE_ENV: 'test', APP_SECRETS: 'a-secret-of-the-tests-0123456789abcdefgh' }

  it('migrate goes to the host that takes writes', async () => {
    assert.equal(await migrate(pair.urlOf([dead, standby, primary])), 0)
    const program = startProgram(['dist/cli.js', 'migrate'], {
      ...settings,
      DATABASE_URL: pair.urlOf([standby, dead, primary], '?target_session_attrs=read-write'),
    })
    assert.deepEqual(await program.ended(), { code: 0, signal: null })
    assert.match(program.written.out, /^0 applied/)
  })

  it('migrate and a server reach a host with an IPv6 address', async (test) => {
    const target = new URL(await createDatabase())
    const forward = createServer((client) => {
      const database = createConnection({ host: target.hostname, port: Number(target.port) })
      for (const socket of [client, database]) socket.on('error', () => {})
      client.pipe(database).pipe(client)
    })
    const listens = await new Promise<boolean>((resolve) => {
      forward.once('error', () => resolve(false)).listen(0, '::1', () => resolve(true))
    })
    if (!listens) return test.skip('this machine has no ::1')
    after(() => forward.close())
    const address = forward.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const url = target.href.replace(target.host, `${dead},[::1]:${port}`)
    assert.equal(await migrate(url), 0)
    assert.equal((await open(url).sql`select 1`).length, 1)
  })

  it('migrate makes the schema there', async () => {
    const url = new URL(await createEmptyDatabase())
    url.host = `127.0.0.1:${url.port}`
    assert.equal(await migrate(url.href.replace('@', `@${dead},`)), NEWEST_SCHEMA)
  })

  it('migrate does not try for ever at a host that ends every connection', async () => {
    const proxy = await startProxy(await createDatabase())
    proxy.slam()
    await assert.rejects(migrate(proxy.url), /closed/i)
    assert.equal(proxy.connectedAt().length, 1)
  })

  it('migrate says so when there is none', async () => {
    await assert.rejects(migrate(pair.urlOf([standby, dead])), /the host only reads|ECONNREFUSED/)
  })

  it('report is read there', async () => {
    const program = startProgram(['dist/cli.js', 'report'], { ...settings, DATABASE_URL: pair.urlOf([dead, primary]) })
    assert.deepEqual(await program.ended(), { code: 0, signal: null })
  })
})

describe('a server with two hosts', () => {
  // The last of this file: afterwards the pair is no pair any more.
  it('goes on by itself when the stand-by has taken the place of the primary', async () => {
    const url = pair.urlOf([primary, standby], '?target_session_attrs=read-write')
    const server = await startServer({ DATABASE_URL: url })
    const app = await startApp({}, { databaseUrl: url })
    const { person, browser } = await learner(server, 'Ada')
    await eventually('the sign-up to be copied', async () => {
      const { sql } = open(pair.urlOf([standby]))
      return (await sql`select 1 from users where email = ${person.email}`).length === 1
    })
    await pair.failOver()
    await eventually('the dashboard to be back', async () => (await browser.get('/dashboard')).status === 200)
    await eventually('logins to be taken', async () => {
      return (await openBrowser(app).logIn(person, { next: '/' })).status === 303
    })
    assert.equal(server.isRunning(), true)
  })
})

/** Clients that are slow, silent or many: they are cut off, others are served meanwhile, and the server can end in spite of them. */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { after, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createDatabase } from '../support/database.ts'
import { learner, openBrowser } from '../support/people.ts'
import { startServer } from '../support/process.ts'
import { IS_LONG, reportFault, type Tally, tallied } from './report.ts'

const IDLE = IS_LONG ? 1_000 : 300
const SLOW = IS_LONG ? 50 : 10
/** Much longer than a slow client has. */
const BOUND_MS = 90_000
const DRIP_MS = 2_000
const PIPELINED = 3_000
const TAKES_LONG = !IS_LONG && 'takes half a minute, so only in npm run faults'

const server = await startServer({ DATABASE_URL: await createDatabase() })

function open(port = server.port): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket))
    socket.on('error', reject)
    after(() => socket.destroy())
  })
}

/** What is answered until the end of the connection. @throws when it does not end. */
function ending(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const timer = setTimeout(() => reject(new Error('a connection stays open')), BOUND_MS)
    socket.removeAllListeners('error').on('error', () => {})
    socket.on('data', (chunk) => {
      answer += chunk
    })
    socket.once('close', () => {
      clearTimeout(timer)
      resolve(answer)
    })
  })
}

async function othersAreServed(tally: Tally): Promise<void> {
  for (const path of ['/login', '/health/live', '/api/auth/jwks']) {
    assert.equal((await tallied(tally, openBrowser(server).get(path)))?.status, 200)
  }
}

describe('clients', { concurrency: true }, () => {
  const slowly = async (what: string, head: string) => {
    const sockets = await Promise.all(Array.from({ length: SLOW }, () => open()))
    const ends = sockets.map(ending)
    for (const socket of sockets) socket.write(head)
    const drip = setInterval(() => {
      for (const socket of sockets) if (socket.writable) socket.write('a')
    }, DRIP_MS)
    const tally: Tally = new Map()
    await othersAreServed(tally)
    const from = performance.now()
    const answers = await Promise.all(ends).finally(() => clearInterval(drip))
    for (const answer of answers) assert.match(answer, /^HTTP\/1\.1 (408|400) |^$/)
    reportFault({
      rows: 'F20',
      fault: what,
      done: `${SLOW} clients, a byte each ${DRIP_MS / 1_000} s; cut after ${((performance.now() - from) / 1_000).toFixed(0)} s`,
      answers: tally,
      lost: '-',
      healedMs: '-',
    })
  }

  it('[F20] that send their headers byte by byte are cut off', { skip: TAKES_LONG }, () =>
    slowly('slow headers', 'GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: '),
  )

  it('[F20] that send their forms byte by byte are cut off', { skip: TAKES_LONG }, () =>
    slowly(
      'slow bodies',
      'POST /login HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9000\r\n\r\nemail=',
    ),
  )

  it('[F20] that ask and ask and do not read are cut off, before their answers fill the memory', async () => {
    const sockets = await Promise.all(Array.from({ length: SLOW }, () => open()))
    const ends = sockets.map(ending)
    for (const socket of sockets) {
      socket.pause().write('GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(PIPELINED))
    }
    const tally: Tally = new Map()
    await othersAreServed(tally)
    // A socket that is not read may not hear of its end.
    for (const socket of sockets) socket.resume()
    const texts = await Promise.all(ends)
    for (const text of texts)
      assert.ok(text.split('HTTP/1.1 200').length < PIPELINED / 10, 'it has answered all of them')
    const done = `${SLOW} clients, ${PIPELINED} requests each at once, nothing read`
    reportFault({ rows: 'F20', fault: 'slow readers', done, answers: tally, lost: '-', healedMs: '-' })
  })

  it('[F21] that only hold connections open leave room for others', async () => {
    const sockets = await Promise.all(Array.from({ length: IDLE }, () => open()))
    const tally: Tally = new Map()
    await othersAreServed(tally)
    await tallied(tally, (await learner(server, 'Ada')).browser.get('/dashboard'))
    for (const socket of sockets) socket.destroy()
    assert.deepEqual([...tally.keys()], [200])
    reportFault({
      rows: 'F21',
      fault: 'idle connections',
      done: `${IDLE} of them`,
      answers: tally,
      lost: '-',
      healedMs: '-',
    })
  })

  it('[F15] that are slow, silent or do not read do not keep a server from its end', async () => {
    const own = await startServer({ DATABASE_URL: await createDatabase() })
    const [silent, half, form, deaf] = await Promise.all([1, 2, 3, 4].map(() => open(own.port)))
    for (const socket of [silent, half, form, deaf]) socket?.removeAllListeners('error').on('error', () => {})
    half?.write('GET / HTTP/1.1\r\nHost: ')
    form?.write('POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nemail=')
    deaf?.pause().write('GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(PIPELINED))
    await sleep(DRIP_MS / 10)
    const from = performance.now()
    own.kill('SIGTERM')
    own.kill('SIGTERM')
    assert.deepEqual(await own.ended(), { code: 0, signal: null })
    const done = `four slow clients; it ended after ${((performance.now() - from) / 1_000).toFixed(0)} s`
    reportFault({ rows: 'F15', fault: 'SIGTERM, slow clients', done, answers: new Map(), lost: '-', healedMs: '-' })
  })
})

/** A log that nobody reads, and one that cannot be written: whoever is served does not notice, and the server can end. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { createDatabase } from '../support/database.ts'
import { learner, openBrowser } from '../support/people.ts'
import { startServer } from '../support/process.ts'
import { IS_LONG, reportFault, type Tally, tallied } from './report.ts'

/** More than a pipe holds, 64 KB, at 200 bytes a line. */
const REQUESTS = IS_LONG ? 8_000 : 700
const AT_ONCE = 8

const skip = !existsSync('/dev/full') && 'needs /dev/full'

/** Many requests with a line each in the log, a sign-up, and the end. */
async function useIt(output: string): Promise<Tally> {
  const server = await startServer({ DATABASE_URL: await createDatabase() }, { ready: false, output })
  const tally: Tally = new Map()
  const ask = async () => {
    const browser = openBrowser(server)
    for (let times = 0; times < REQUESTS / AT_ONCE; times += 1) await tallied(tally, browser.get('/login'))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, ask))
  await learner(server, 'Ada')
  assert.deepEqual([...tally.keys()], [200])
  server.kill('SIGTERM')
  assert.deepEqual(await server.ended(), { code: 0, signal: null })
  return tally
}

describe('a log', { skip, concurrency: true }, () => {
  it('[F35] that nobody reads holds nobody up, and the server ends when it is told to', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'matricula-log-'))
    after(() => rmSync(folder, { recursive: true }))
    const pipe = join(folder, 'pipe')
    assert.equal(spawnSync('mkfifo', [pipe]).status, 0)
    // Opened for reading as well, so that it has a reader, who never reads.
    const answers = await useIt(`1<>'${pipe}'`)
    const done = `${REQUESTS} requests`
    reportFault({ rows: 'F35', fault: 'log that nobody reads', done, answers, lost: '-', healedMs: '-' })
  })

  it('[F35] on a full disk ends nothing', async () => {
    const answers = await useIt('>/dev/full')
    const done = `${REQUESTS} requests`
    reportFault({ rows: 'F35', fault: 'log on a full disk', done, answers, lost: '-', healedMs: '-' })
  })

  it('[F35] says what was lost when it can be written again', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'matricula-log-'))
    after(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'log')
    writeFileSync(file, '')
    // A file may grow to a few kilobytes only, as on a disk that is full, until it is emptied.
    const output = `>>'${file}'`
    const server = await startServer({ DATABASE_URL: await createDatabase() }, { ready: false, output, fileSize: 4 })
    const browser = openBrowser(server)
    for (let times = 0; times < 60; times += 1) assert.equal((await browser.get('/login')).status, 200)
    writeFileSync(file, '')
    assert.equal((await browser.get('/login')).status, 200)
    server.kill('SIGTERM')
    assert.deepEqual(await server.ended(), { code: 0, signal: null })
    const text = readFileSync(file, 'utf8')
    const said = text.split('\n').find((line) => line.includes('lines of the log were lost')) ?? '{}'
    assert.ok(JSON.parse(said).lines > 10, text)
  })
})

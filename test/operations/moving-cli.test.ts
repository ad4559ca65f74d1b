/** The commands import and export: files, streams, what they print, and how they end. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, describe, it } from 'node:test'
import postgres from 'postgres'
import { ROOT } from '../../src/config/folders.ts'
import { SECRET } from '../support/app.ts'
import { startWithCommands } from '../support/keys-cli.ts'
import { learner, somebody } from '../support/people.ts'
import { eventually, startProgram } from '../support/process.ts'

const { app, cli } = await startWithCommands()
const directory = mkdtempSync(join(tmpdir(), 'matricula-commands-'))
after(() => rmSync(directory, { recursive: true }))

let count = 0
function fileOf(...lines: (object | string)[]): string {
  count += 1
  const file = join(directory, `people-${count}.jsonl`)
  writeFileSync(file, lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'))
  return file
}
const person = (more: object = {}) => {
  const { name, email } = somebody('Ada')
  return { id: email.split('@')[0], name, email, ...more }
}

/** Runs a command with this text at its standard input. */
async function piped(text: string, ...args: string[]): Promise<{ code: number | null; out: string }> {
  const child = spawn(process.execPath, [resolve(ROOT, 'dist/cli.js'), ...args], {
    cwd: tmpdir(),
    env: { PATH: process.env.PATH, NODE_ENV: 'test', APP_SECRETS: SECRET, DATABASE_URL: app.databaseUrl },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    out += chunk
  })
  child.stdin.end(text)
  const code = await new Promise<number | null>((done) => child.once('close', done))
  return { code, out }
}

describe('import jsonl', () => {
  it('says how many, and by place and reason who was left out, without addresses', async () => {
    const lines = [person(), person({ passwordHash: 'clear text' }), 'nonsense', person({ email: 'ada' })]
    const { code, out, err } = await cli(['import', 'jsonl', fileOf(...lines)])
    assert.equal(code, 0)
    assert.equal(err, '4 read')
    assert.deepEqual(out, [
      '4 read, 1 moved in, 0 here already, 3 left out',
      'left out, 1: has a password hash of a kind that is not known here, or that takes too long to check',
      '  line 2',
      'left out, 1: cannot be read',
      '  line 3: it is not a JSON object on one line',
      'left out, 1: does not fit our rules',
      '  line 4: Enter an email address in the correct format, like name@example.com',
      'note, 1: has no password: the first login takes a link for a new one',
      '  line 1',
    ])
    assert.doesNotMatch([...out, err].join(''), /@example\.org|clear text/)
  })

  it('shows ten of many, and all of them in a file of one’s own', async () => {
    const lines = Array.from({ length: 25 }, () => person({ passwordHash: 'none' }))
    const report = join(directory, 'report.jsonl')
    const { out } = await cli(['import', 'jsonl', fileOf(...lines), '--report', report])
    assert.equal(out.length, 2 + 10 + 1)
    assert.equal(out.at(-1), '  and 15 more')
    assert.equal(statSync(report).mode & 0o777, 0o600)
    const entries = readFileSync(report, 'utf8').trim().split('\n')
    assert.equal(entries.length, 25)
    assert.deepEqual(JSON.parse(entries[24] ?? ''), { place: 'line 25', outcome: 'left-out', reason: 'unknown-hash' })
    const again = await cli(['import', 'jsonl', fileOf(person()), '--report', report])
    assert.equal(again.code, 73, 'a report that is there is not written over')
  })

  it('reads standard input', async () => {
    const { code, out } = await piped(`${JSON.stringify(person())}\n`, 'import', 'jsonl', '-', '--json')
    assert.equal(code, 0)
    assert.equal(JSON.parse(out).taken, 1)
  })

  it('ends with 66 without the file, and with 65 when nobody is in it', async () => {
    const none = await cli(['import', 'jsonl', join(directory, 'none')])
    assert.deepEqual([none.code, none.out], [66, []])
    assert.equal((await cli(['import', 'jsonl', fileOf('')])).code, 65)
  })

  it('ends with 66 for a folder, and for a pipe that would have to be read twice', async () => {
    assert.equal((await cli(['import', 'jsonl', directory])).code, 66)
    assert.equal((await cli(['import', 'better-auth', '/dev/null'])).code, 66)
  })

  it('names UTF-16, as some programs of Windows write it, and what helps', async () => {
    const file = fileOf('')
    writeFileSync(file, `\ufeff${JSON.stringify(person())}`, 'utf16le')
    const { code, err } = await cli(['import', 'jsonl', file])
    assert.equal(code, 65)
    assert.match(err, /UTF-16.*iconv/)
  })

  it('that fails leaves no empty report in the way of the next try', async () => {
    const report = join(directory, 'failed.jsonl')
    const file = fileOf('')
    writeFileSync(file, '\ufeff{', 'utf16le')
    assert.equal((await cli(['import', 'jsonl', file, '--report', report])).code, 65)
    assert.equal((await cli(['import', 'jsonl', fileOf(person()), '--report', report])).code, 0)
  })

  it('is noted for the audit with who did it, but not when it is dry', async () => {
    const file = fileOf(person())
    await cli(['import', 'jsonl', file, '--dry-run', '--as', 'Dry'])
    await cli(['import', 'jsonl', file, '--as', 'Ingrid'])
    const rows = await app.sql<{ who: string; outcome: string; details: { taken?: number } }>`
      select who, outcome, details from audit where what = 'import jsonl' and who in ('Dry', 'Ingrid')`
    assert.deepEqual(
      rows.map(({ who, outcome, details }) => [who, outcome, details.taken]),
      [['Ingrid', 'done', 1]],
    )
  })
})

describe('import better-auth', () => {
  it('reads the address, which has a password, from standard input too', async () => {
    const { code } = await piped(`${app.databaseUrl}\n`, 'import', 'better-auth', '-')
    assert.equal(code, 65, 'that database was asked, and is none of Better Auth')
    assert.equal((await piped('mysql://root@127.0.0.1/auth', 'import', 'better-auth', '-')).code, 64)
  })
})

describe('export jsonl', () => {
  it('prints everybody, one on a line, and says on the other stream how many', async () => {
    const { person: ada } = await learner(app, 'Ada')
    const { code, out, err } = await cli(['export', 'jsonl'])
    assert.equal(code, 0)
    assert.equal(err, `${out.length} exported`)
    assert.ok(out.some((line) => JSON.parse(line).email === ada.email))
  })

  it('writes over no file', async () => {
    const file = fileOf('what was there')
    const { code } = await cli(['export', 'jsonl', '--file', file])
    assert.equal(code, 73)
    assert.equal(readFileSync(file, 'utf8'), 'what was there')
  })

  it('that is cut off leaves no half of a file, and ends like anything that Ctrl-C ends', async () => {
    const blocker = postgres(app.databaseUrl, { max: 1 })
    const file = join(directory, 'cut.jsonl')
    await blocker.begin(async (sql) => {
      // The export waits for this table, within the deadline of its query.
      await sql`lock table plans in access exclusive mode`
      const program = startProgram(['dist/cli.js', 'export', 'jsonl', '--file', file], {
        NODE_ENV: 'test',
        APP_SECRETS: SECRET,
        DATABASE_URL: app.databaseUrl,
      })
      await eventually('the file to be begun', () => existsSync(file))
      program.kill('SIGINT')
      assert.deepEqual([(await program.ended()).code, existsSync(file), program.written.err], [130, false, ''])
    })
    await blocker.end()
  })

  it('that fails leaves no half of a file', async () => {
    const file = join(directory, 'half.jsonl')
    const { code } = await cli(['export', 'jsonl', '--file', file], { DATABASE_URL: 'postgres://a@127.0.0.1:1/b' })
    assert.equal(code, 69)
    assert.throws(() => statSync(file), /ENOENT/)
  })

  it('is noted for the audit', async () => {
    await cli(['export', 'jsonl', '--as', 'Otto'])
    assert.equal((await app.sql`select from audit where what = 'export jsonl' and who = 'Otto'`).length, 1)
  })
})

/** What all of the operator's commands have in common: help, usage errors, JSON, the audit and the documentation. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { COMMANDS } from '../../src/cli/commands.ts'
import { EXITS } from '../../src/cli/frame/exits.ts'
import { helpOf, listOf, synopsisOf } from '../../src/cli/frame/help.ts'
import { read as readWords, WrongUse } from '../../src/cli/frame/parsing.ts'
import { ROOT } from '../../src/config/folders.ts'
import { SECRET } from '../support/app.ts'
import { read } from '../support/imports.ts'
import { HIDDEN, rowsOf, startWithCommands } from '../support/keys-cli.ts'

const { app, cli, done } = await startWithCommands()

const NOUNS = [...new Set(COMMANDS.flatMap(({ name }) => (name.includes(' ') ? [name.split(' ')[0] ?? ''] : [])))]
/** Settings that no command could work with, so that whatever ends well has not read them. */
const BROKEN = { DATABASE_URL: `mysql://${HIDDEN}`, APP_SECRETS: HIDDEN }

/** What the words ask for: the help of a command or a noun, or a command. */
const asked = (...words: string[]) => readWords(words, COMMANDS)

describe('every command', { concurrency: 2 }, () => {
  for (const command of COMMANDS) {
    const words = command.name.split(' ')

    it(`${command.name} --help says how it is used, with 0 and without settings`, async () => {
      const { code, out, err } = await cli([...words, '--help'], BROKEN)
      assert.deepEqual([code, err], [0, ''])
      assert.deepEqual(out.join('\n'), helpOf(command))
      assert.equal(out[0], `Usage: node dist/cli.js ${synopsisOf(command)}`)
      for (const line of out) assert.ok(line.length <= 120, line)
      for (const other of [
        [...words, '-h'],
        ['help', ...words],
        [...words, 'one', 'two', 'three', '--help'],
      ])
        assert.deepEqual(asked(...other), { help: command })
    })

    it(`${command.name} refuses an option that it does not know`, () => {
      assert.throws(
        () => asked(...words, '--no-such-option'),
        new WrongUse('Not understood: --no-such-option', command),
      )
    })

    it(`${command.name} is in docs/operations.md, with all that it takes`, () => {
      assert.ok(read('docs/operations.md').includes(`| \`${synopsisOf(command)}\` `), synopsisOf(command))
    })
  }

  for (const command of COMMANDS.filter(({ json }) => json)) {
    it(`${command.name} --json prints JSON and nothing else`, async () => {
      const needed = Object.values(command.arguments).flatMap(({ optional }) => (optional ? [] : ['somebody']))
      const { out, err } = await cli([...command.name.split(' '), ...needed, '--json'])
      assert.equal([...out, err].join('').includes('\u001b'), false)
      if (out.length > 0) assert.doesNotThrow(() => JSON.parse(out.join('\n')), out.join('\n'))
      assert.ok(out.length > 0 || needed.length > 0)
    })
  }
})

describe('a noun', () => {
  for (const noun of NOUNS) {
    it(`${noun} lists its commands for --help`, () => {
      for (const words of [
        [noun, '--help'],
        [noun, '-h'],
        ['help', noun],
      ]) {
        const found = asked(...words)
        if (COMMANDS.some(({ name }) => name === noun)) assert.ok('help' in found)
        else assert.deepEqual(found, { help: [noun] })
      }
      for (const { name } of COMMANDS.filter(({ name }) => name.startsWith(`${noun} `)))
        assert.match(listOf(COMMANDS, [noun]), new RegExp(`^  ${name}\\b`, 'm'))
    })
  }

  it('alone is no command: its commands are listed, with 64', async () => {
    const { code, out, err } = await cli(['keys'], BROKEN)
    assert.deepEqual([code, out], [EXITS.usage, []])
    assert.equal(err, listOf(COMMANDS, ['keys']))
  })
})

describe('exit codes', () => {
  it('are all in docs/operations.md', () => {
    const page = read('docs/operations.md')
    for (const code of Object.values(EXITS)) assert.match(page, new RegExp(`^\\| ${code} `, 'm'))
  })
})

describe('the audit', () => {
  it('says who has changed what, to whom, and how it ended', async () => {
    await done('service-keys', 'add', 'nightly', 'profiles', '--as', 'Ada of the night shift')
    await cli(['service-keys', 'add', 'nightly', 'deleted'])
    await done('service-keys', 'revoke', 'nightly')
    const entries = JSON.parse((await done('audit', 'list', '--whom', 'nightly', '--json')).join('\n'))
    const self = userInfo().username
    assert.deepEqual(
      entries.map(({ who, osUser, what, details, outcome }: Record<string, unknown>) => [
        who,
        osUser,
        what,
        details,
        outcome,
      ]),
      [
        [self, self, 'service-keys revoke', {}, 'done'],
        [self, self, 'service-keys add', { rights: ['deleted'] }, 'failed'],
        ['Ada of the night shift', self, 'service-keys add', { rights: ['profiles'] }, 'done'],
      ],
    )
    const lines = await done('audit', 'list', '--whom', 'nightly')
    assert.match(lines[2] ?? '', /^\d{4}-.*Z {2}Ada of the night shift \(.+\) {2}service-keys add +nightly {2}done/)
  })

  it('can be asked from a time on, and for a few', async () => {
    await done('keys', 'rotate')
    const count = async (...args: string[]) =>
      JSON.parse((await done('audit', 'list', ...args, '--json')).join('\n')).length
    assert.ok((await count('--since', '2020-01-01')) >= 1)
    assert.equal(await count('--since', '2999-01-01T00:00:00Z'), 0)
    assert.equal(await count('--limit', '1'), 1)
    for (const args of [
      ['--since', 'yesterday'],
      ['--limit', '0'],
      ['--limit', 'all'],
    ])
      assert.equal((await cli(['audit', 'list', ...args])).code, EXITS.usage)
  })

  it('has an entry without an outcome where the command was cut off, and says so', async () => {
    await app.sql`insert into audit (at, who, os_user, what, whom) values (now(), 'ada', 'ada', 'keys retire', 'cut-off')`
    assert.match((await done('audit', 'list', '--whom', 'cut-off')).join('\n'), /keys retire {2}cut-off {2}unfinished/)
  })

  it('never holds what was typed in place of an id: an address, or the key itself', async () => {
    for (const words of ['keys retire', 'service-keys revoke', 'outbox drop', 'outbox retry', 'sessions revoke --user'])
      assert.equal((await cli([...words.split(' '), 'ada@example.org'])).code, 66, words)
    assert.equal((await app.sql`select from audit where whom like '%@%'`).length, 0)
  })

  it('is not written by a command that was not understood', async () => {
    const [before] = await app.sql<{ count: number }>`select count(*)::int as count from audit`
    await cli(['keys', 'retire'])
    await cli(['keys', 'rotate', '--as', ''])
    assert.deepEqual([...(await app.sql`select count(*)::int as count from audit`)], [before])
    assert.ok((await rowsOf(app)).length > 0)
  })
})

describe('whoever reads along', () => {
  it('may go away from what is said beside the output, and the work goes on', async () => {
    const child = spawn(process.execPath, [join(ROOT, 'dist/cli.js'), 'export', 'jsonl'], {
      cwd: tmpdir(),
      env: { PATH: process.env.PATH, NODE_ENV: 'test', APP_SECRETS: SECRET, DATABASE_URL: app.databaseUrl },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    child.stderr.destroy()
    const code = await new Promise((resolve) => child.once('close', resolve))
    assert.equal(code, 0)
  })
})

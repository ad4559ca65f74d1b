/** What all of the operator's commands have in common: help, usage errors, JSON, the audit and the documentation. */
import assert from 'node:assert/strict'
import { userInfo } from 'node:os'
import { describe, it } from 'node:test'
import { COMMANDS } from '../../src/cli/commands.ts'
import { EXITS } from '../../src/cli/frame/exits.ts'
import { synopsisOf } from '../../src/cli/frame/help.ts'
import { read } from '../support/imports.ts'
import { HIDDEN, rowsOf, startWithCommands } from '../support/keys-cli.ts'

const { app, cli, done } = await startWithCommands()

const NOUNS = [...new Set(COMMANDS.flatMap(({ name }) => (name.includes(' ') ? [name.split(' ')[0] ?? ''] : [])))]
/** Settings that no command could work with, so that whatever ends well has not read them. */
const BROKEN = { DATABASE_URL: `mysql://${HIDDEN}`, APP_SECRETS: HIDDEN }

describe('every command', { concurrency: 4 }, () => {
  for (const command of COMMANDS) {
    const words = command.name.split(' ')

    it(`${command.name} --help says how it is used, with 0 and without settings`, async () => {
      const asked = [
        [...words, '--help'],
        [...words, '-h'],
        ['help', ...words],
      ]
      const told = await Promise.all(asked.map((args) => cli(args, BROKEN)))
      for (const { code, out, err } of told) {
        assert.deepEqual([code, err], [0, ''])
        assert.equal(out[0], `Usage: node dist/cli.js ${synopsisOf(command)}`)
        assert.deepEqual(out, told[0]?.out)
        for (const line of out) assert.ok(line.length <= 120, line)
      }
    })

    it(`${command.name} refuses an option that it does not know, with 64 and its usage`, async () => {
      const { code, out, err } = await cli([...words, '--no-such-option'], BROKEN)
      assert.deepEqual({ code, out }, { code: EXITS.usage, out: [] })
      assert.match(err, /^Not understood: --no-such-option\n\nUsage: node dist\/cli\.js /)
    })

    it(`${command.name} is in docs/operations.md, with all that it takes`, () => {
      assert.ok(read('docs/operations.md').includes(synopsisOf(command)), synopsisOf(command))
    })
  }

  for (const command of COMMANDS.filter(({ json }) => json)) {
    it(`${command.name} --json prints JSON and nothing else`, async () => {
      const needed = Object.values(command.arguments).flatMap(({ optional }) => (optional ? [] : ['somebody']))
      const { out } = await cli([...command.name.split(' '), ...needed, '--json'])
      if (out.length > 0) assert.doesNotThrow(() => JSON.parse(out.join('\n')), out.join('\n'))
      assert.ok(out.length > 0 || needed.length > 0)
    })
  }

  it('prints no escape code where there is no terminal', async () => {
    for (const command of COMMANDS.filter(({ json }) => json)) {
      const { out, err } = await cli([...command.name.split(' ')])
      assert.equal([...out, err].join('').includes('\u001b'), false)
    }
  })
})

describe('a noun', () => {
  for (const noun of NOUNS) {
    it(`${noun} lists its commands: with 64 by itself, with 0 for --help`, async () => {
      const alone = await cli([noun], BROKEN)
      assert.deepEqual([alone.code, alone.out], [EXITS.usage, []])
      for (const args of [
        [noun, '--help'],
        [noun, '-h'],
        ['help', noun],
      ]) {
        const { code, out, err } = await cli(args, BROKEN)
        assert.deepEqual([code, err], [0, ''])
        assert.equal(out.join('\n'), alone.err)
        for (const { name } of COMMANDS.filter(({ name }) => name.startsWith(`${noun} `)))
          assert.ok(out.some((line) => line.startsWith(`  ${name}`)))
      }
    })
  }
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

  it('is not written by a command that was not understood', async () => {
    const [before] = await app.sql<{ count: number }>`select count(*)::int as count from audit`
    await cli(['keys', 'retire'])
    await cli(['keys', 'rotate', '--as', ''])
    assert.deepEqual([...(await app.sql`select count(*)::int as count from audit`)], [before])
    assert.ok((await rowsOf(app)).length > 0)
  })
})

/**
 * The operator's commands when something is wrong: they print one plain reason, exit with a code for scripts, and
 * change nothing.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { freePort } from '../../src/database/embedded/port.ts'
import { createDatabase, createEmptyDatabase } from '../support/database.ts'
import { HIDDEN, rowsOf, startWithCommands } from '../support/keys-cli.ts'

const { app, cli } = await startWithCommands()

describe('a command that is refused', () => {
  const REFUSED: { args: string[]; code: number; says: RegExp }[] = [
    { args: [], code: 64, says: /^Usage: node dist\/cli\.js <command>/ },
    { args: ['keys'], code: 64, says: /^Usage: node dist\/cli\.js keys <command>/ },
    { args: ['keys', 'burn'], code: 64, says: /^There is no command keys burn\.\n\nUsage:/ },
    { args: ['list'], code: 64, says: /^There is no command list\.\n\nUsage:/ },
    { args: ['keys list'], code: 64, says: /^There is no command keys list\.\n\nUsage:/ },
    { args: ['constructor', 'prototype'], code: 64, says: /^There is no command constructor prototype\.\n\nUsage:/ },
    {
      args: ['keys', 'retire'],
      code: 64,
      says: /^Which key\? See keys list\.\n\nUsage: node dist\/cli\.js keys retire/,
    },
    { args: ['keys', 'retire', '--now'], code: 64, says: /^Which key\?/ },
    { args: ['keys', 'rotate', '--json'], code: 64, says: /^Not understood: --json\n\nUsage:/ },
    { args: ['keys', 'list', '--as', 'ada'], code: 64, says: /^Not understood: --as\n\nUsage:/ },
    { args: ['keys', 'rotate', '--as'], code: 64, says: /--as[\s\S]*Usage:/ },
    { args: ['keys', 'rotate', '--as', ' '], code: 64, says: /^A name for --as [\s\S]*Usage:/ },
    { args: ['keys', 'rotate', '--as', 'a\nb'], code: 64, says: /^A name for --as [\s\S]*Usage:/ },
    { args: ['keys', 'list', 'some-key'], code: 64, says: /^Not understood: some-key\n\nUsage:/ },
    { args: ['keys', 'rotate', '--now=yes'], code: 64, says: /Usage:/ },
    { args: ['keys', 'retire', 'a', '--now=yes'], code: 64, says: /--now[\s\S]*Usage:/ },
    { args: ['keys', 'retire', 'one', 'two'], code: 64, says: /^Not understood: two\n\nUsage:/ },
    { args: ['keys', 'retire', 'nobody'], code: 66, says: /^There is no key of this name\. See keys list\.$/ },
    { args: ['keys', 'retire', 'nobody', '--now'], code: 66, says: /^There is no key of this name\./ },
    { args: ['keys', 'retire', `-${'k'.repeat(42)}`], code: 66, says: /^There is no key of this name\./ },
    { args: ['keys', 'retire', ''], code: 66, says: /^There is no key of this name\./ },
    { args: ['keys', 'retire', "' or '1'='1"], code: 66, says: /^There is no key of this name\./ },
  ]
  for (const { args, code, says } of REFUSED) {
    it(`ends with ${code}, says why and changes nothing: ${JSON.stringify(args)}`, async () => {
      const before = JSON.stringify(await rowsOf(app))
      const told = await cli(args)
      assert.equal(told.code, code)
      assert.match(told.err, says)
      assert.deepEqual(told.out, [])
      assert.equal(JSON.stringify(await rowsOf(app)), before)
    })
  }

  it('ends with 75 when no other key could sign, and says what to do', async () => {
    const [only] = await rowsOf(app)
    const { code, err, out } = await cli(['keys', 'retire', '--', only?.kid ?? ''])
    assert.equal(code, 75)
    assert.match(err, /^No other published key could sign in its place\. Give keys rotate and wait/)
    assert.deepEqual(out, [])
    assert.deepEqual([...(await rowsOf(app))], [only])
  })

  it('that asks for help is none: it is told on standard output, with 0', async () => {
    for (const word of ['--help', '-h', 'help']) {
      const { code, err, out } = await cli([word], { DATABASE_URL: `mysql://${HIDDEN}` })
      assert.deepEqual([code, err], [0, ''])
      assert.match(out.join('\n'), /^Usage: node dist\/cli\.js <command>[\s\S]*^ {2}keys retire <kid> /m)
    }
  })

  it('needs no configuration to be told how it is used', async () => {
    const { code, err } = await cli(['keys', 'burn'], { DATABASE_URL: `mysql://${HIDDEN}`, APP_SECRETS: HIDDEN })
    assert.equal(code, 64)
    assert.match(err, /^There is no command/)
  })
})

describe('a configuration that is wrong', () => {
  for (const args of [
    ['keys', 'list'],
    ['keys', 'rotate'],
    ['keys', 'retire', 'some-key'],
  ]) {
    it(`ends ${args.join(' ')} with 78 and names every wrong value`, async () => {
      const { code, err, out } = await cli(args, {
        DATABASE_URL: `mysql://learn:${HIDDEN}-pw-1@db.example.org/learn`,
        APP_SECRETS: `${HIDDEN}-secret-2`,
        KEY_ROTATION_DAYS: '0',
      })
      assert.equal(code, 78)
      for (const name of ['DATABASE_URL', 'APP_SECRETS', 'KEY_ROTATION_DAYS']) {
        assert.match(err, new RegExp(`^ {2}- ${name} must be`, 'm'))
      }
      assert.deepEqual(out, [])
    })
  }
})

describe('a database that cannot be used', () => {
  const URLS: Record<string, [code: number, urlOf: () => Promise<string>]> = {
    'is not there': [69, async () => `postgres://learn:${HIDDEN}-pw-1@127.0.0.1:${await freePort()}/learn`],
    'has no schema': [78, createEmptyDatabase],
    'does not know its user': [
      78,
      async () => {
        const url = new URL(await createDatabase())
        url.username = 'nobody'
        return url.href
      },
    ],
  }
  for (const [what, [expected, urlOf]] of Object.entries(URLS)) {
    it(`ends each command with ${expected} and one line: it ${what}`, async () => {
      const DATABASE_URL = await urlOf()
      for (const args of [
        ['keys', 'list'],
        ['keys', 'rotate'],
        ['keys', 'retire', 'some-key', '--now'],
      ]) {
        const { code, err, out } = await cli(args, { DATABASE_URL })
        assert.equal(code, expected)
        assert.match(err, /^[^\n]{10,400}$/)
        assert.deepEqual(out, [])
      }
    })
  }
})

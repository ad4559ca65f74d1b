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
    { args: [], code: 64, says: /^Usage: node dist\/cli\.js migrate/ },
    { args: ['keys'], code: 64, says: /^Usage:/ },
    { args: ['keys', 'burn'], code: 64, says: /^Usage:/ },
    { args: ['list'], code: 64, says: /^Usage:/ },
    { args: ['keys list'], code: 64, says: /^Usage:/ },
    { args: ['constructor', 'prototype'], code: 64, says: /^Usage:/ },
    { args: ['keys', 'retire'], code: 64, says: /^Which key\? See keys list\.\n\nUsage:/ },
    { args: ['keys', 'retire', '--now'], code: 64, says: /^Which key\?/ },
    { args: ['keys', 'list', '--json'], code: 64, says: /--json[\s\S]*Usage:/ },
    { args: ['keys', 'list', 'some-key'], code: 64, says: /some-key[\s\S]*Usage:/ },
    { args: ['keys', 'rotate', '--now=yes'], code: 64, says: /Usage:/ },
    { args: ['keys', 'retire', 'one', 'two'], code: 64, says: /two[\s\S]*Usage:/ },
    { args: ['keys', 'retire', 'nobody'], code: 1, says: /^There is no key of this name\. See keys list\.$/ },
    { args: ['keys', 'retire', 'nobody', '--now'], code: 1, says: /^There is no key of this name\./ },
    { args: ['keys', 'retire', ''], code: 1, says: /^There is no key of this name\./ },
    { args: ['keys', 'retire', "' or '1'='1"], code: 1, says: /^There is no key of this name\./ },
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

  it('ends with 1 when no other key could sign, and says what to do', async () => {
    const [only] = await rowsOf(app)
    const { code, err, out } = await cli(['keys', 'retire', '--', only?.kid ?? ''])
    assert.equal(code, 1)
    assert.match(err, /^No other published key could sign in its place\. Give keys rotate and wait/)
    assert.deepEqual(out, [])
    assert.deepEqual([...(await rowsOf(app))], [only])
  })

  it('that asks for help is none: it is told on standard output, with 0', async () => {
    for (const word of ['--help', '-h', 'help']) {
      const { code, err, out } = await cli([word], { DATABASE_URL: `mysql://${HIDDEN}` })
      assert.deepEqual([code, err], [0, ''])
      assert.match(out.join('\n'), /^Usage: node dist\/cli\.js migrate/)
    }
  })

  it('needs no configuration to be told how it is used', async () => {
    const { code, err } = await cli(['keys', 'burn'], { DATABASE_URL: `mysql://${HIDDEN}`, APP_SECRETS: HIDDEN })
    assert.equal(code, 64)
    assert.match(err, /^Usage:/)
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
  const URLS: Record<string, () => Promise<string>> = {
    'is not there': async () => `postgres://learn:${HIDDEN}-pw-1@127.0.0.1:${await freePort()}/learn`,
    'has no schema': createEmptyDatabase,
    'does not know its user': async () => {
      const url = new URL(await createDatabase())
      url.username = 'nobody'
      return url.href
    },
  }
  for (const [what, urlOf] of Object.entries(URLS)) {
    it(`ends each command with 1 and one line: it ${what}`, async () => {
      const DATABASE_URL = await urlOf()
      for (const args of [
        ['keys', 'list'],
        ['keys', 'rotate'],
        ['keys', 'retire', 'some-key', '--now'],
      ]) {
        const { code, err, out } = await cli(args, { DATABASE_URL })
        assert.equal(code, 1)
        assert.match(err, /^[^\n]{10,200}$/)
        assert.deepEqual(out, [])
      }
    })
  }
})

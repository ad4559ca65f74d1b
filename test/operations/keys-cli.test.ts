/** The operator's commands for signing keys: what they do, and that a running server notices. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seal } from '../../src/base/sealing.ts'
import { createSigningKey } from '../../src/tokens/signing-keys.ts'
import { apiLearner, bearer, openApi } from '../support/api.ts'
import type { TestApp } from '../support/app.ts'
import { rowsOf, startWithCommands } from '../support/keys-cli.ts'
import { startProgram } from '../support/process.ts'
import { kidsOf, MINUTE, SECOND, signingKid } from '../support/tokens.ts'

const ISO = '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z'
const UNTIL = ` {2}published until ${ISO}`
const line = (kid: string, state: string, rest = '') =>
  new RegExp(`^${kid} {2}${state.padEnd(7)} {2}signs from ${ISO}${rest}$`)

const statusOf = async (app: TestApp, token: string): Promise<number> =>
  (await openApi(app).get('/api/me', bearer(token))).status

describe('keys list', () => {
  it('shows every key with its state, the oldest first', async () => {
    const { app, done } = await startWithCommands()
    const [first] = await kidsOf(app)
    const [only = '', ...rest] = await done('keys', 'list')
    assert.deepEqual(rest, [])
    assert.match(only, line(first ?? '', 'current'))
    assert.deepEqual(await done('keys', 'list'), [only])
  })

  it('makes none where there is none, and says who will', async () => {
    const { app, done } = await startWithCommands()
    await app.sql`delete from signing_keys`
    assert.deepEqual(await done('keys', 'list'), ['There is no key yet. A server makes the first one when it starts.'])
    assert.equal((await rowsOf(app)).length, 0)
  })

  it('changes nothing with the settings of another server, and says so', async () => {
    const { app } = await startWithCommands()
    const before = await rowsOf(app)
    for (const args of [['list'], ['rotate'], ['retire', before[0]?.kid ?? '']]) {
      const program = startProgram(['dist/cli.js', 'keys', ...args], {
        NODE_ENV: 'test',
        APP_SECRETS: 'another-secret-of-another-server-0123456789',
        DATABASE_URL: app.databaseUrl,
      })
      assert.equal((await program.ended()).code, 78)
      assert.match(program.written.err, /^These APP_SECRETS open none of the keys/)
      assert.deepEqual(await rowsOf(app), before)
    }
  })
})

describe('keys rotate', () => {
  it('publishes a key that signs 15 minutes later, and a running server follows within its minute', async () => {
    const { app, done, reread } = await startWithCommands()
    const first = await signingKid(app)
    const before = Date.now()
    const [told = '', ...rest] = await done('keys', 'rotate')
    assert.deepEqual(rest, [])
    const [, at = ''] = new RegExp(`^A new key is published and signs from (${ISO})\\.$`).exec(told) ?? []
    const turn = Date.parse(at)
    assert.ok(turn >= before + 15 * MINUTE && turn <= Date.now() + 15 * MINUTE, told)

    assert.deepEqual(await kidsOf(app), [first])
    reread()
    const [, second = ''] = await kidsOf(app)
    assert.match(second, /^[\w-]{43}$/)
    assert.equal(await signingKid(app), first)
    const listed = await done('keys', 'list')
    assert.equal(listed.length, 2)
    assert.match(listed[0] ?? '', line(first, 'current', UNTIL))
    assert.match(listed[1] ?? '', line(second, 'next'))

    const { api } = await apiLearner(app, 'Ada')
    const token = await api.token()
    app.advance(turn - app.deps.now() + SECOND)
    assert.equal(await signingKid(app), second)
    for (const one of [token, await api.token()]) assert.equal(await statusOf(app, one), 200)
  })

  it('makes no second key while one waits, and says so', async () => {
    const { app, done } = await startWithCommands()
    await done('keys', 'rotate')
    const again = await done('keys', 'rotate')
    assert.deepEqual(again, ['A new key is published already and waits for its time: see keys list.'])
    assert.equal((await rowsOf(app)).length, 2)
  })

  it('given twice at the same moment makes one key', async () => {
    const { app, cli } = await startWithCommands()
    for (const { code } of await Promise.all([cli(['keys', 'rotate']), cli(['keys', 'rotate'])])) assert.equal(code, 0)
    assert.equal((await rowsOf(app)).length, 2)
  })
})

describe('keys retire', () => {
  it('calls off a key that waits', async () => {
    const { app, done, reread } = await startWithCommands()
    const first = await signingKid(app)
    await done('keys', 'rotate')
    const waiting = (await rowsOf(app)).at(-1)?.kid ?? ''
    const told = await done('keys', 'retire', '--', waiting)
    assert.deepEqual(told, ['The key was waiting and is gone. It has signed nothing.'])
    reread()
    assert.deepEqual(await kidsOf(app), [first])
  })

  it('of the one that signs hands back to the one before it, and no token ends', async () => {
    const { app, done, reread } = await startWithCommands()
    const first = await signingKid(app)
    await done('keys', 'rotate')
    const second = (await rowsOf(app)).at(-1)?.kid ?? ''
    await app.sql`update signing_keys set signs_from = ${new Date(Date.now() - SECOND)} where kid = ${second}`
    reread()
    assert.equal(await signingKid(app), second)
    const { api } = await apiLearner(app, 'Ada')
    const token = await api.token()

    const [told = ''] = await done('keys', 'retire', '--', second)
    assert.match(told, /^The key signs no more\. It stays published until its last token has died/)
    reread()
    assert.equal(await signingKid(app), first)
    assert.deepEqual(await kidsOf(app), [first, second])
    assert.equal(await statusOf(app, token), 200)
    const listed = await done('keys', 'list')
    assert.match(listed[0] ?? '', line(first, 'current'))
    assert.match(listed[1] ?? '', line(second, 'retired', UNTIL))
  })

  it('--now withdraws a stolen key, wherever the option stands, and a running server follows', async () => {
    for (const inFront of [true, false]) {
      const { app, done, reread } = await startWithCommands()
      await withKeyNamed(app, (kid) => !kid.startsWith('-'))
      reread()
      const stolen = await signingKid(app)
      const { api } = await apiLearner(app, 'Ada')
      const token = await api.token()
      const [told = ''] = await done('keys', 'retire', ...(inFront ? ['--now', stolen] : [stolen, '--now']))
      assert.match(told, /^The key is withdrawn\. Verifiers refuse its tokens/)
      reread()
      const kids = await kidsOf(app)
      assert.equal(kids.length, 1)
      assert.notEqual(kids[0], stolen)
      assert.equal(await statusOf(app, token), 401)
      assert.equal(await statusOf(app, await api.token()), 200)
    }
  })

  it('takes a key whose name begins with a dash, as one of 64 does', async () => {
    const { app, cli } = await startWithCommands()
    await withKeyNamed(app, (kid) => kid.startsWith('-'))
    const [row] = await rowsOf(app)
    const { code, out, err } = await cli(['keys', 'retire', row?.kid ?? '', '--now'])
    assert.equal(err, '')
    assert.equal(code, 0)
    assert.match(out[0] ?? '', /^The key is withdrawn\./)
  })
})

/** Replaces the key in the table until its id is one that the test wants. */
async function withKeyNamed(app: TestApp, isWanted: (kid: string) => boolean): Promise<void> {
  const { sql, config } = app.deps
  const secrets = config.keys('signing-keys')
  for (let tries = 0; tries < 2_000; tries += 1) {
    const [row] = await rowsOf(app)
    if (row && isWanted(row.kid)) return
    await sql`delete from signing_keys`
    await createSigningKey(sql, { generation: 1, signsFrom: Date.now() }, (secret, kid) => seal(secret, kid, secrets))
  }
  assert.fail('no such name')
}

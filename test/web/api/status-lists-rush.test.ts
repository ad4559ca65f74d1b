/** The status lists when many ask at once, or after a long silence: nobody is given what was true before it. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { inflateSync } from 'node:zlib'
import { apiLearner } from '../../support/api.ts'
import { startApp, type TestApp } from '../../support/app.ts'
import { exchange } from '../../support/raw-http.ts'
import { decode, MINUTE, SECOND } from '../../support/tokens.ts'

const PATH = '/api/auth/status-list'

type StatusClaim = { status_list: { idx: number } }

/** Whether a verifier that fetches the list now refuses the token. */
async function isEnded(server: TestApp, token: string): Promise<boolean> {
  const { idx } = (decode(token).claims.status as StatusClaim).status_list
  const { status, text } = await exchange(server, PATH)
  assert.equal(status, 200, text)
  const { lst } = decode(text).claims.status_list as { lst: string }
  return (((inflateSync(Buffer.from(lst, 'base64url')).at(idx >> 3) ?? 0) >> (idx & 7)) & 1) === 1
}

describe('after minutes in which nobody has asked for the list, a logout', () => {
  it('is in the answer of each of many verifiers that ask at once', async () => {
    const mine = await startApp({}, { atPublicUrl: true })
    const { api } = await apiLearner(mine, 'Ada')
    const token = await api.token()
    assert.equal(await isEnded(mine, token), false)
    await api.post('/api/auth/sign-out', {})
    mine.advance(5 * MINUTE)
    const told = await Promise.all(Array.from({ length: 20 }, () => isEnded(mine, token)))
    assert.deepEqual(new Set(told), new Set([true]))
  })

  it('is in the answer also if the database takes two seconds to wake up', async () => {
    const mine = await startApp({ DB_POOL_MAX: '2' }, { atPublicUrl: true })
    const { api } = await apiLearner(mine, 'Ada')
    const token = await api.token()
    assert.equal(await isEnded(mine, token), false)
    await api.post('/api/auth/sign-out', {})
    mine.advance(30 * SECOND)
    // All connections of the app wait behind these, as behind a server that is being started.
    const waking = [0, 1].map(() => mine.sql`select pg_sleep(2)`)
    await sleep(100)
    assert.equal(await isEnded(mine, token), true)
    await Promise.all(waking)
  })
})

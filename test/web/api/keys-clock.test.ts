/** A clock that is set back, or an instance whose clock is behind, right after the first key was made. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { apiLearner } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'

it('a clock that is behind the one that made the first key leaves nobody without a token', async () => {
  const app = await startApp({}, { atPublicUrl: true })
  const { api } = await apiLearner(app, 'Ada')
  assert.equal((await api.get('/api/auth/token')).status, 200)
  app.advance(-2000)
  assert.equal((await api.get('/api/auth/token')).status, 200)

  const other = await startApp({}, { databaseUrl: app.databaseUrl, atPublicUrl: true })
  other.advance(-2000)
  const { kid } = await other.deps.keyRing.current()
  assert.equal(kid, (await app.deps.keyRing.current()).kid)
  assert.equal((await app.sql`select kid from signing_keys`).length, 1)
})

/** Sessions made by the previous version: still open, and as good as new ones. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { bearer, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { learner, openBrowser, type Person } from '../../support/people.ts'
import { COOKIE, setCookieOf, signed } from '../../support/sessions.ts'

const app = await startApp({}, { atPublicUrl: true })
const DAY = 24 * 60 * 60_000
const GET_SESSION = '/api/auth/get-session'

describe('a session from before sessions had names', () => {
  /** A session as the previous version stored it, without handle and device. */
  async function oldSession({ email }: Person): Promise<string> {
    const id = randomBytes(24).toString('base64url')
    const [user] = await app.sql<{ id: string }>`select id from users where email = ${email}`
    const sess = JSON.stringify({ userId: user?.id ?? '', remembered: true, loggedInAt: app.deps.now() })
    const sid = createHash('sha256').update(id).digest('base64url')
    const end = new Date(app.deps.now() + 14 * DAY)
    await app.sql`insert into sessions (sid, sess, expire) values (${sid}, ${sess}::text::json, ${end})`
    return `${COOKIE}=${signed(id, app.deps.config.keys('cookie')[0]?.toString('base64url') ?? '')}`
  }

  it('is open on pages and API, is in the list, and can be ended by its name', async () => {
    const { person } = await learner(app, 'Ada')
    const Cookie = await oldSession(person)
    assert.equal(await openBrowser(app, { Cookie }).whoAmI(), 'Ada')
    const api = openApi(app, { Cookie })
    const { session } = (await api.get(GET_SESSION)).body
    assert.match(session.token, /^[A-Za-z0-9]{32}$/)
    assert.deepEqual([session.ipAddress, session.userAgent], ['', ''])
    const sessions: { token: string; current: boolean }[] = (await api.get('/api/auth/list-sessions')).body
    assert.deepEqual(
      sessions.filter(({ current }) => current).map(({ token }) => token),
      [session.token],
    )
    const elsewhere = openApi(app)
    await elsewhere.signIn(person)
    await elsewhere.post('/api/auth/revoke-session', { token: session.token })
    assert.equal((await api.get(GET_SESSION)).text, 'null')
  })

  it('gives tokens, and refresh tokens that follow it', async () => {
    const { person } = await learner(app, 'Ada')
    const api = openApi(app, { Cookie: await oldSession(person) })
    const token = await api.token()
    assert.equal((await openApi(app).get('/api/me', bearer(token))).body.user.email, person.email)
    const { refreshToken } = (await api.post('/api/auth/refresh-token', {})).body
    const refreshed = await openApi(app).post('/api/auth/refresh', { refreshToken })
    assert.equal(refreshed.status, 200)
    assert.equal((await api.post('/api/auth/sign-out', {})).status, 200)
    assert.equal((await openApi(app).get('/api/me', bearer(token))).status, 401)
    const { refreshToken: next } = refreshed.body
    assert.equal((await openApi(app).post('/api/auth/refresh', { refreshToken: next })).status, 401)
  })

  it('takes a new password like any other', async () => {
    const { person } = await learner(app, 'Ada')
    const Cookie = await oldSession(person)
    const change = {
      currentPassword: person.password,
      newPassword: 'quiet amber harbour window',
      revokeOtherSessions: true,
    }
    const response = await openApi(app, { Cookie }).post('/api/auth/change-password', change)
    assert.equal(response.status, 200)
    const given = setCookieOf(response)?.split(';')[0] ?? ''
    assert.equal((await openApi(app, { Cookie: given }).get(GET_SESSION)).body.session.token, response.body.token)
    assert.equal((await openApi(app, { Cookie }).get(GET_SESSION)).text, 'null')
  })
})

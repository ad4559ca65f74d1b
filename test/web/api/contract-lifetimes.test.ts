/** How long an API session lasts: in the cookie and on the server. Nothing makes it longer. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ApiClient, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { type Person, somebody } from '../../support/people.ts'
import { setCookieOf } from '../../support/sessions.ts'

const app = await startApp({}, { atPublicUrl: true })

const SECOND = 1000
const HOUR = 3600 * SECOND
const DAY = 24 * HOUR
const GET_SESSION = '/api/auth/get-session'

const REMEMBERED = { idle: 14 * DAY, absolute: 30 * DAY, maxAge: 2_592_000 }
const OF_THE_BROWSER = { idle: 2 * HOUR, absolute: 24 * HOUR, maxAge: undefined }

const KINDS: { name: string; more: object; term: { idle: number; absolute: number; maxAge: number | undefined } }[] = [
  { name: 'without rememberMe', more: {}, term: REMEMBERED },
  { name: 'with rememberMe true', more: { rememberMe: true }, term: REMEMBERED },
  { name: 'with rememberMe false', more: { rememberMe: false }, term: OF_THE_BROWSER },
]

/** Sets the app's clock. */
const setClock = (to: number) => app.advance(to - app.deps.now())

const maxAgeOf = (response: Parameters<typeof setCookieOf>[0]): number | undefined => {
  const [, seconds] = /; Max-Age=(\d+)/.exec(setCookieOf(response) ?? '') ?? []
  return seconds === undefined ? undefined : Number(seconds)
}

const isOpen = async (api: ApiClient): Promise<boolean> => (await api.get(GET_SESSION)).body !== null

/** When the client's session began, as get-session tells. */
async function startOf(api: ApiClient): Promise<number> {
  return Date.parse((await api.get(GET_SESSION)).body.session.createdAt)
}

async function signedIn(person: Person, more: object): Promise<ApiClient> {
  const api = openApi(app)
  assert.equal((await api.signIn(person, more)).status, 200)
  return api
}

/** Somebody with an account and no session. */
async function account(name: string): Promise<Person> {
  const person = somebody(name)
  await openApi(app).signUp(person)
  return person
}

for (const { name, more, term } of KINDS) {
  describe(`a session ${name}`, () => {
    it('[S15] has a cookie of that length, at the sign-up and at the sign-in', async () => {
      const person = somebody('Ada')
      for (const response of [await openApi(app).signUp(person, more), await openApi(app).signIn(person, more)]) {
        assert.equal(response.status, 200)
        assert.equal(maxAgeOf(response), term.maxAge)
        const lasting = term.maxAge !== undefined
        assert.equal(/expires=/i.test(setCookieOf(response) ?? ''), lasting)
      }
    })

    it('ends when nobody comes for its idle limit, and not a second before', async () => {
      const person = await account('Ada')
      const [seen, idle] = [await signedIn(person, more), await signedIn(person, more)]
      const { session } = (await seen.get(GET_SESSION)).body
      assert.equal(Date.parse(session.expiresAt) - Date.parse(session.createdAt), term.idle)
      const [start, startOfIdle] = [await startOf(seen), await startOf(idle)]
      setClock(start + term.idle - SECOND)
      assert.equal(await isOpen(seen), true)
      setClock(startOfIdle + term.idle + SECOND)
      assert.equal(await isOpen(idle), false)
      assert.equal((await idle.get('/api/auth/token')).status, 401)
      assert.equal(await isOpen(seen), true)
    })

    it('ends at its absolute limit however often somebody comes, and its cookie is never sent anew', async () => {
      const api = await signedIn(await account('Ada'), more)
      const start = await startOf(api)
      for (let time = term.idle / 2; time < term.absolute; time += term.idle / 2) {
        setClock(start + time)
        for (const response of [
          await api.get(GET_SESSION),
          await api.get('/api/auth/token'),
          await api.get('/api/auth/list-sessions'),
          await api.post('/api/auth/update-user', { name: 'Ada' }),
        ]) {
          assert.equal(response.status, 200)
          assert.equal(setCookieOf(response), undefined)
        }
        const { expiresAt } = (await api.get(GET_SESSION)).body.session
        assert.ok(Date.parse(expiresAt) <= start + term.absolute, `${expiresAt} is beyond the limit`)
      }
      setClock(start + term.absolute - SECOND)
      assert.equal(await isOpen(api), true)
      setClock(start + term.absolute + SECOND)
      assert.equal(await isOpen(api), false)
    })

    it('is not made longer by a new password', async () => {
      const person = await account('Ada')
      const api = await signedIn(person, more)
      const start = await startOf(api)
      const early = term.idle / 2
      setClock(start + early)
      const response = await api.post('/api/auth/change-password', {
        currentPassword: person.password,
        newPassword: 'quiet amber harbour window',
        revokeOtherSessions: true,
      })
      assert.equal(response.status, 200)
      const left = (term.absolute - early) / SECOND
      const maxAge = maxAgeOf(response)
      if (term.maxAge === undefined) assert.equal(maxAge, undefined)
      else assert.ok(maxAge !== undefined && maxAge <= left && maxAge > left - 60, `${maxAge} of ${left} seconds`)

      for (let time = early; time < term.absolute; time += term.idle / 2) {
        setClock(start + time)
        assert.equal(await isOpen(api), true)
      }
      setClock(start + term.absolute - SECOND)
      assert.equal(await isOpen(api), true)
      setClock(start + term.absolute + SECOND)
      assert.equal(await isOpen(api), false)
    })
  })
}

it('a session of the browser stays one, though the same person is remembered elsewhere, and is listed no more', async () => {
  const person = await account('Ada')
  const [brief, lasting] = [await signedIn(person, { rememberMe: false }), await signedIn(person, {})]
  const tokenOf = async (api: ApiClient): Promise<string> => (await api.get(GET_SESSION)).body.session.token
  const [ended, open, start] = [await tokenOf(brief), await tokenOf(lasting), await startOf(brief)]
  const listed = async (): Promise<string[]> =>
    (await lasting.get('/api/auth/list-sessions')).body.map(({ token }: { token: string }) => token)
  assert.ok((await listed()).includes(ended), 'it is listed while it is open')
  setClock(start + 3 * HOUR)
  assert.deepEqual([await isOpen(brief), await isOpen(lasting)], [false, true])
  assert.deepEqual([(await listed()).includes(ended), (await listed()).includes(open)], [false, true])
})

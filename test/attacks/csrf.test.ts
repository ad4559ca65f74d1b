/** Every form of the site, those that come later too: it is taken with its own token and from our own pages only. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startApp } from '../support/app.ts'
import { watchHashing } from '../support/hashing.ts'
import { learner, openBrowser } from '../support/people.ts'
import { exchange } from '../support/raw-http.ts'
import { formPathsOf } from '../support/routes.ts'
import { COOKIE, sessionCookieOf, setCookieOf } from '../support/sessions.ts'

const app = await startApp()
const { person: ada, browser } = await learner(app, 'Ada')
const { browser: carl } = await learner(app, 'Carl')
// The first page takes the message of the sign-up out of the session.
for (const one of [browser, carl]) await one.get('/dashboard')
const hashing = watchHashing()
const token = await browser.token('/account')
const foreign = await carl.token('/account')
const cookie = `${COOKIE}=${sessionCookieOf(browser)}`

const PLACES: Record<string, string> = {
  ':handle': 'a'.repeat(32),
  ':question': 'goals',
  ':lesson': 'f1',
  ':module': 'ros2',
  ':token': 'a'.repeat(24),
  ':id': 'a'.repeat(32),
}
const paths = formPathsOf(app).map((path) => path.replace(/:\w+/g, (name) => PLACES[name] ?? assert.fail(name)))

/** Something that each form would take. */
const fields = new URLSearchParams({
  name: 'Eve',
  email: 'eve@evil.test',
  password: ada.password,
  currentPassword: ada.password,
  newPassword: 'seven quiet amber kites',
  sure: 'yes',
  code: '000000',
  credential: '{}',
  hours: '3',
  state: 'done',
  projectGoals: 'career',
  lessons: 'f1',
  next: '/',
})
const fieldsWith = (value: string) => `${fields}&_csrf=${encodeURIComponent(value)}`

/** All that a form could change. Counts of guessed links are left out: looking at a page of a link may be a guess. */
const TABLES = [
  'all_users',
  'sessions',
  'refresh_families',
  'email_tokens',
  'outbox',
  'activity',
  'profiles',
  'progress',
  'plans',
  'second_steps',
  'recovery_codes',
  'login_tickets',
  'mailed_codes',
  'passkeys',
]
async function everything(): Promise<string[]> {
  const tables = TABLES.map((table) => app.deps.pool.query(`select to_jsonb(t) - 'seen_at' as row from ${table} t`))
  return (await Promise.all(tables)).flatMap(({ rows }) => rows.map((row) => JSON.stringify(row))).sort()
}

const counts = () => app.sql<{ key: string; points: number }>`select key, points from rate_limits order by key`

describe('the form of every page', () => {
  for (const path of paths) {
    it(`[C17] ${path} is not sent by opening its address, with GET or HEAD, whatever stands in it`, async () => {
      const before = await everything()
      for (const method of ['GET', 'HEAD']) {
        for (const query of ['', `?${fieldsWith(token)}`, `?_method=POST&${fieldsWith(token)}`]) {
          for (const headers of [{ Cookie: cookie, 'X-HTTP-Method-Override': 'POST' }, {}]) {
            const answer = await exchange(app, path + query, { method, headers })
            assert.ok([200, 303, 404, 405, 410].includes(answer.status), `${method} ${path} answers ${answer.status}`)
            assert.equal(setCookieOf(answer), undefined)
          }
        }
      }
      assert.deepEqual(await everything(), before)
    })

    it(`[C01, C02, C03, R19] ${path} is not taken without the token of this very session, and nothing is hashed or counted`, async () => {
      const before = [...(await everything()), ...(await counts())]
      const { started } = hashing
      // Without the mark behind the dot, which tells whose form it is: those of a session that ended are shown again.
      const [signature = ''] = token.split('.')
      const flipped = (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1)
      for (const body of [String(fields), ...['', flipped, 'x'.repeat(signature.length), foreign].map(fieldsWith)]) {
        const answer = await browser.post(path, body)
        assert.equal(answer.status, 403, body)
        assert.equal(setCookieOf(answer), undefined)
      }
      // Nor of one who brings a token, and no cookie at all. Whoever is logged out already may press “Log out”.
      const stranger = await openBrowser(app).post(path, fieldsWith(token))
      assert.equal(stranger.status, path === '/logout' ? 303 : 403)
      assert.deepEqual([...(await everything()), ...(await counts())], before)
      assert.equal(hashing.started, started)
    })

    it(`[C05, C06, C07, C09] ${path} is not taken from elsewhere, even with the right token`, async () => {
      const before = await everything()
      const ELSEWHERE: Record<string, string>[] = [
        { Origin: 'https://evil.test' },
        { Origin: 'https://evil.test', 'Sec-Fetch-Site': 'same-origin' },
        { 'Sec-Fetch-Site': 'cross-site' },
        { 'Sec-Fetch-Site': 'same-site' },
        { Origin: 'null' },
      ]
      for (const headers of ELSEWHERE) {
        const answer = await browser.post(path, fieldsWith(token), headers)
        assert.equal(answer.status, 403, JSON.stringify(headers))
        assert.equal(setCookieOf(answer), undefined)
      }
      assert.deepEqual(await everything(), before)
    })
  }

  it('and whoever was attacked is still logged in', async () => {
    assert.equal(await browser.whoAmI(), ada.name)
  })
})

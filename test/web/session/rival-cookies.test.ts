/** Two cookies of the session's name: a neighbour has set one of them, and nobody can tell which. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BEHIND_TLS, startApp, type TestApp } from '../../support/app.ts'
import { learner, openBrowser, somebody } from '../../support/people.ts'
import { exchange, openSecureBrowser } from '../../support/raw-http.ts'
import { COOKIE, sessionCookieOf } from '../../support/sessions.ts'

const app = await startApp({}, { atPublicUrl: true })
const value = sessionCookieOf((await learner(app, 'Ada')).browser)
const ada = `${COOKIE}=${value}`
const eve = `${COOKIE}=${sessionCookieOf((await learner(app, 'Eve')).browser)}`

type Headers = Record<string, string>

/** Whom the dashboard greets and whom the API names, which must be the same. */
async function whoIs(site: Pick<TestApp, 'port'>, headers: Headers): Promise<string | undefined> {
  const { text } = await exchange(site, '/api/auth/get-session', { headers })
  const name: string | undefined = JSON.parse(text)?.user.name
  const { status, text: page } = await exchange(site, '/dashboard', { headers })
  assert.equal(status, name === undefined ? 303 : 200)
  if (name !== undefined) assert.ok(page.includes(name))
  return name
}

describe('with the session cookie', () => {
  for (const [what, header, who] of [
    ['alone', ada, 'Ada'],
    ['twice the same', `${ada}; ${ada}`, 'Ada'],
    ['beside other cookies', `a=1; ${ada}; b=2; matricula-form=x`, 'Ada'],
    ['beside one whose name only begins like it', `matriculas=1; ${ada}; xmatricula=2; Matricula=3`, 'Ada'],
    ['beside one of its name without a value', `matricula; ${ada}`, 'Ada'],
    ['after that of somebody else', `${eve}; ${ada}`, undefined],
    ['before that of somebody else', `${ada}; ${eve}`, undefined],
    ['and nonsense of its name', `matricula=x; ${ada}`, undefined],
    ['and an empty one', `${ada}; matricula=`, undefined],
    ['and one with a space in front of the =', `matricula =x; ${ada}`, undefined],
    ['and one with a tab around', `\tmatricula\t=\t${eve.split('=')[1]}; ${ada}`, undefined],
    ['and the same in quotes', `${ada}; matricula="${value}"`, undefined],
    ['three times, once another', `${ada}; ${ada}; ${eve}`, undefined],
    ['far behind another', `${eve}; ${'a=1; '.repeat(300)}${ada}`, undefined],
  ] as const) {
    it(`${what} one is ${who ?? 'nobody'}`, async () => {
      assert.equal(await whoIs(app, { Cookie: header }), who)
    })
  }

  it('in two headers, one is nobody', async () => {
    assert.equal(await whoIs(app, { Cookie: [eve, ada] } as never), undefined)
  })

  it('over TLS too, where an old browser may let a neighbour write that name', async () => {
    const secure = await startApp(BEHIND_TLS)
    const cookieOf = async (name: string) => {
      const browser = openSecureBrowser(secure)
      await browser.submit('/sign-up', '/sign-up', somebody(name))
      return browser.cookieHeader().match(/__Host-matricula=[^;]+/)?.[0] ?? assert.fail()
    }
    const [own, other] = [await cookieOf('Ada'), await cookieOf('Eve')]
    const TLS = { 'X-Forwarded-Proto': 'https' }
    assert.equal(await whoIs(secure, { ...TLS, Cookie: own }), 'Ada')
    assert.equal(await whoIs(secure, { ...TLS, Cookie: `matricula=x; ${own}` }), 'Ada')
    assert.equal(await whoIs(secure, { ...TLS, Cookie: `${other}; ${own}` }), undefined)
  })
})

it('a call with two of them still counts as one with a cookie, whose origin must be ours', async () => {
  const headers = { Cookie: `${eve}; ${ada}`, 'Content-Type': 'application/json' }
  const { status, text } = await exchange(app, '/api/auth/sign-out', { method: 'POST', headers, body: '{}' })
  assert.deepEqual([status, JSON.parse(text).code], [403, 'MISSING_OR_NULL_ORIGIN'])
})

it('whoever is nobody so can log in again, and neither session was ended', async () => {
  const rivals = openBrowser(app, { Cookie: `${eve}; ${ada}` })
  assert.equal((await rivals.get('/login')).status, 200)
  assert.equal(await whoIs(app, { Cookie: ada }), 'Ada')
  assert.equal(await whoIs(app, { Cookie: eve }), 'Eve')
})

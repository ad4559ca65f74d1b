/** A session that was ended stays ended, even if a request that was still running writes it afterwards. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import connectPgSimple from 'connect-pg-simple'
import type { Request } from 'express'
import expressSession, { type SessionData, type Store } from 'express-session'
import type { User } from '../../../src/accounts/users.ts'
import type { Deps } from '../../../src/deps.ts'
import { SessionStore } from '../../../src/web/session/store.ts'
import { startApp } from '../../support/app.ts'
import { oneAfterTheOther } from '../../support/one-after-the-other.ts'
import { learner, openBrowser, type Person } from '../../support/people.ts'
import { countSessions, holderOf, sessionCookieOf } from '../../support/sessions.ts'

const PgStore = connectPgSimple(expressSession)

/** The store of connect-pg-simple on our table. It only adds the user, whom our pages need. */
class StockStore extends PgStore {
  readonly #deps: Deps
  readonly #users = new WeakMap<object, User>()

  constructor(deps: Deps) {
    super({ pool: deps.pool as never, tableName: 'sessions', createTableIfMissing: false, pruneSessionInterval: false })
    this.#deps = deps
  }

  override get(id: string, done: (error: unknown, session?: SessionData | null) => void): void {
    super.get(id, (error: unknown, session) => {
      if (error || !session) return done(error, session)
      this.#deps.sql<User>`select * from users where id = ${session.userId}`.then(([user]) => {
        if (user) this.#users.set(session, user)
        done(null, session)
      }, done)
    })
  }

  override createSession(request: Request, record: SessionData) {
    request.user = this.#users.get(record)
    return super.createSession(request, record)
  }
}

/** Holds the next write of this store, as on a slow page: `arrived` resolves when it comes, `release` lets it go on. */
function holdNextWrite(store: Store) {
  let release = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const arrived = new Promise<'set' | 'touch'>((resolve) => {
    const original = { set: store.set, touch: store.touch }
    const hold = (method: 'set' | 'touch') => (id: string, session: SessionData, done?: () => void) => {
      Object.assign(store, original)
      resolve(method)
      void released.then(() => original[method]?.call(store, id, session, done))
    }
    Object.assign(store, { set: hold('set'), touch: hold('touch') })
  })
  return { arrived, release }
}

async function startWith(makeStore: (deps: Deps) => Store) {
  const held: { store?: Store } = {}
  const app = await startApp(
    {},
    {
      store: (deps) => {
        held.store = makeStore(deps)
        return held.store
      },
    },
  )
  if (held.store === undefined) throw new Error('the app has no store')
  return { app, store: held.store }
}

type Started = Awaited<ReturnType<typeof startWith>>

/** Ada logs out in one tab while another tab still waits for a page. Returns what is left of her session. */
async function logOutDuring({ app, store }: Started, writes: 'set' | 'touch') {
  const { browser } = await learner(app, 'Ada')
  const cookie = sessionCookieOf(browser)
  const token = await browser.token('/')
  // The first dashboard visit writes, because it removes the sign-up message from the session. Later ones only touch.
  if (writes === 'touch') {
    await browser.get('/dashboard')
    app.advance(120_000)
  }
  const { arrived, release } = holdNextWrite(store)
  const slow = browser.get('/dashboard').then((response) => response)
  assert.equal(await arrived, writes)

  const logout = await browser.post('/logout', { _csrf: token })
  assert.equal(logout.status, 303)
  assert.equal(await countSessions(app), 0)

  release()
  assert.equal((await slow).status, 200)
  return { rows: await countSessions(app), holder: await holderOf(app, cookie) }
}

const ours = await startWith((deps) => new SessionStore(deps))
const stock = await startWith((deps) => new StockStore(deps))

describe('a logout during a slow request', () => {
  it('[S05] that writes to the session is final', async () => {
    assert.deepEqual(await logOutDuring(ours, 'set'), { rows: 0, holder: undefined })
  })

  it('[S06] that only visits is final', async () => {
    assert.deepEqual(await logOutDuring(ours, 'touch'), { rows: 0, holder: undefined })
  })

  // Shows that these tests can fail: the stock store writes the row back, so the old cookie is logged in again.
  it('is undone by the stock store when the request writes', async () => {
    assert.deepEqual(await logOutDuring(stock, 'set'), { rows: 1, holder: 'Ada' })
  })
})

it('a login that replaces a session during a slow request leaves only the new session', async () => {
  const { app, store } = ours
  const { person, browser } = await learner(app, 'Ada')
  const cookie = sessionCookieOf(browser)
  const token = await browser.token('/')
  const before = await countSessions(app)
  const { arrived, release } = holdNextWrite(store)
  const slow = browser.get('/dashboard').then((response) => response)
  assert.equal(await arrived, 'set')
  const login = await browser.post('/login', { ...person, next: '/', _csrf: token })
  assert.equal(login.status, 303)
  release()
  await slow
  assert.equal(await holderOf(app, cookie), undefined)
  assert.equal(await countSessions(app), before)
})

it('[S07] a session that another device ended during a slow request stays ended', async () => {
  const { app, store } = ours
  const { browser } = await learner(app, 'Ada')
  const cookie = sessionCookieOf(browser)
  const { arrived, release } = holdNextWrite(store)
  const slow = browser.get('/dashboard').then((response) => response)
  assert.equal(await arrived, 'set')
  await app.sql`delete from sessions`
  release()
  await slow
  assert.equal(await countSessions(app), 0)
  assert.equal(await holderOf(app, cookie), undefined)
})

describe('a session that another device ends while it is getting a new id', () => {
  const { app, store } = ours
  const PAGES = {
    '/account/password-confirmation': ({ password }: Person) => ({ password }),
    '/account/password-change': ({ password }: Person) => ({
      currentPassword: password,
      newPassword: 'quiet amber harbour window',
    }),
  }
  for (const [page, fieldsOf] of Object.entries(PAGES)) {
    it(`has ended for ${page} too`, async () => {
      const { person, browser } = await learner(app, 'Ada')
      const before = sessionCookieOf(browser)
      const _csrf = await browser.token(page)
      const { arrived, release } = holdNextWrite(store)
      const slow = browser.post(page, { ...fieldsOf(person), _csrf }).then((response) => response)
      assert.equal(await arrived, 'set')
      await app.sql`delete from sessions`
      release()
      assert.equal((await slow).status, 503)
      assert.equal(await countSessions(app), 0)
      for (const cookie of [before, sessionCookieOf(browser)]) assert.equal(await holderOf(app, cookie), undefined)
    })
  }

  it('is out whoever is first: the thief who types the password, or the owner who ends all other sessions', async () => {
    const { person, browser: owner } = await learner(app, 'Ada')
    const [confirmation, ending] = ['/account/password-confirmation', '/account/sessions'] as const
    for (const isThiefFirst of [true, false]) {
      const thief = openBrowser(app)
      await thief.logIn(person)
      const fields = { password: person.password, _csrf: await thief.token(confirmation) }
      const form = { _csrf: await owner.token(ending) }
      const both = [() => thief.post(confirmation, fields), () => owner.post(`${ending}/end-others`, form)]
      await oneAfterTheOther<unknown>(app, person, isThiefFirst ? both : both.toReversed())
      assert.equal(await thief.whoAmI(), undefined)
      assert.equal(await owner.whoAmI(), 'Ada')
    }
  })
})

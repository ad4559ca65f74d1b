/** The pages of passkeys in all their states, for the checks that visit every page. */
import type { Add } from './account-gallery.ts'
import { apiOf } from './api.ts'
import type { TestApp } from './app.ts'
import {
  addPasskey,
  logInWith,
  loginOptions,
  makeAuthenticator,
  PASSKEYS,
  passkeyIds,
  registerOptions,
  sendAssertion,
} from './authenticator.ts'
import { useUp } from './guessing.ts'
import { learner, openBrowser } from './people.ts'

const PASSKEYS_MAX = 10
const WIDEST_NAME = 'W'.repeat(100)

/** `app` runs at its public URL. */
export async function addPasskeyPages({ app, add }: { app: TestApp; add: Add }): Promise<void> {
  const { browser: ada, person } = await learner(app, 'Ada')
  const see = async (name: string, path: string) => add(name, 'learner', path, await ada.get(path))
  await see('passkeys, address not confirmed', PASSKEYS)
  await app.sql`update users set email_verified = true where email = ${person.email}`
  await see('passkeys, none', PASSKEYS)
  add('passkeys, added nothing', 'learner', PASSKEYS, await ada.submit(PASSKEYS, { credential: '' }))
  const passkey = await addPasskey(app, ada)
  const [id = ''] = await passkeyIds(ada)
  const page = `${PASSKEYS}/${id}`
  await see('passkey, added', page)
  await see('passkey', page)
  add('passkey, without a name', 'learner', page, await ada.submit(page, { name: '' }))
  await ada.submit(page, { name: WIDEST_NAME })
  await see('passkeys, one named', PASSKEYS)
  await see('passkey of the widest name', page)
  await see('passkey that is not there', `${PASSKEYS}/nowhere`)
  const phone = openBrowser(app)
  await logInWith(phone, passkey)
  await see('passkey, used', page)
  await app.sql`update users set password_hash = null where email = ${person.email}`
  add('passkey, the only way in', 'learner', page, await ada.submitTo(page, `${page}/remove`))
  while ((await passkeyIds(ada)).length < PASSKEYS_MAX) await addPasskey(app, ada)
  await see('passkeys, ten', PASSKEYS)
  await ada.submitTo(page, `${page}/remove`)
  await see('passkeys, one removed', PASSKEYS)
  const made = JSON.stringify(makeAuthenticator(app.url).create(await registerOptions(ada), { unverified: true }))
  add('passkeys, one refused', 'learner', PASSKEYS, await ada.submit(PASSKEYS, { credential: made }))
  const { user } = (await apiOf(app, ada).get('/api/auth/get-session')).body
  await useUp(app, 'passkeysByUser', user.id, 20)
  const another = JSON.stringify(makeAuthenticator(app.url).create(await registerOptions(ada)))
  add('passkeys, added too often', 'learner', PASSKEYS, await ada.submit(PASSKEYS, { credential: another }))
  await app.deps.rateLimits.clear('passkeysByUser', user.id)

  const eve = openBrowser(app)
  add('login by a passkey that was removed', 'visitor', '/login', await logInWith(eve, passkey))
  const other = await addPasskey(app, ada)
  const wrong = other.get(await loginOptions(eve), { unverified: true })
  add('login by a passkey, refused', 'visitor', '/login', await sendAssertion(eve, wrong))
  await useUp(app, 'passkeysByNetwork', '127.0.0.1', 200)
  add('login by a passkey, paused', 'visitor', '/login', await logInWith(eve, other))
  await app.deps.rateLimits.clear('passkeysByNetwork', '127.0.0.1')
  await app.sql`update users set suspended_at = now() where email = ${person.email}`
  add('login by a passkey, suspended', 'visitor', '/login', await logInWith(eve, other))
}

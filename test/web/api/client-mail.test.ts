/** The stock `better-auth/client` in flows with mails: a forgotten password, an address, deleting an account. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { type AuthClient, openAuthClient } from '../../support/auth-client.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { CHANGE, confirm, NEW_PASSWORD, RESET, VERIFY } from '../../support/mailed.ts'
import { openBrowser, type Person, somebody } from '../../support/people.ts'
import { decode, MINUTE } from '../../support/tokens.ts'

const FRONT_END = 'https://front.example.org'
const mailbox = await openMailbox()
const app = await startApp({ TRUSTED_ORIGINS: FRONT_END }, { atPublicUrl: true, mailbox })

type Opened = AuthClient & { person: Person }
type Refused = { status: number; code?: string } | null

/** The data of an answer. @throws if the call was refused. */
function given<Data>({ data, error }: { data: Data; error: unknown }): NonNullable<Data> {
  assert.equal(error, null)
  assert.ok(data, 'there is an answer')
  return data
}

const refusedWith = ({ error }: { error: unknown }) => {
  const { status, code } = (error as Refused) ?? { status: 200 }
  return [status, code]
}

async function signedUp(name: string): Promise<Opened> {
  const person = somebody(name)
  const opened = openAuthClient(app, { origin: FRONT_END })
  given(await opened.client.signUp.email(person))
  return { ...opened, person }
}

const whoIs = async ({ client }: Pick<AuthClient, 'client'>) => (await client.getSession()).data?.user

const verifyPassword = ({ client }: AuthClient, password: string) =>
  client.$fetch('/verify-password', { method: 'POST', body: { password } })

describe('a front end with mails', () => {
  it('resets a forgotten password on a page of its own', async () => {
    const { person, ...laptop } = await signedUp('Ada')
    const { client } = openAuthClient(app, { origin: FRONT_END })
    const redirectTo = `${FRONT_END}/new-password`
    const asked = given(await client.requestPasswordReset({ email: person.email, redirectTo }))
    assert.equal(asked.status, true)

    const { link } = await mailbox.letterTo(person.email, RESET.subject)
    const opened = await openBrowser(app).get(link.slice(app.url.length))
    assert.equal(opened.status, 302)
    const arrived = new URL(opened.headers.location ?? '')
    assert.equal(arrived.origin + arrived.pathname, redirectTo)
    const token = arrived.searchParams.get('token') ?? ''

    const short = await client.resetPassword({ newPassword: 'seven77', token })
    assert.deepEqual(refusedWith(short), [400, 'PASSWORD_TOO_SHORT'])
    assert.deepEqual(given(await client.resetPassword({ newPassword: NEW_PASSWORD, token })), { status: true })
    const again = await client.resetPassword({ newPassword: NEW_PASSWORD, token })
    assert.deepEqual(refusedWith(again), [400, 'INVALID_TOKEN'])

    assert.deepEqual([await whoIs({ client }), await whoIs(laptop)], [undefined, undefined])
    assert.deepEqual(refusedWith(await client.signIn.email(person)), [401, 'INVALID_EMAIL_OR_PASSWORD'])
    given(await client.signIn.email({ ...person, password: NEW_PASSWORD }))
    await mailbox.letterTo(person.email, /was changed/)
  })

  it('has an address confirmed, and sees it in the session, in the token and at /api/me', async () => {
    const opened = await signedUp('Ada')
    const { client, person } = opened
    assert.equal((await whoIs(opened))?.emailVerified, false)
    const callbackURL = `${FRONT_END}/welcome`
    assert.deepEqual(given(await client.sendVerificationEmail({ email: person.email, callbackURL })), { status: true })
    const browser = openBrowser(app)
    await confirm(browser, await mailbox.letterTo(person.email, VERIFY.subject, 2))
    assert.ok((await browser.get('/email-verification/confirmed')).text.includes(callbackURL), 'a way back')

    assert.equal((await whoIs(opened))?.emailVerified, true)
    const { token } = given(await client.token())
    assert.equal(decode(token).claims.emailVerified, true)
    const me = await openApi(app).get('/api/me', { Authorization: `Bearer ${token}` })
    assert.equal(me.body.user.emailVerified, true)
    const again = await client.sendVerificationEmail({ email: person.email })
    assert.deepEqual(refusedWith(again), [400, 'EMAIL_ALREADY_VERIFIED'])
    const other = await client.sendVerificationEmail({ email: somebody('Ben').email })
    assert.deepEqual(refusedWith(other), [400, 'EMAIL_MISMATCH'])
  })

  it('changes an address, which waits for the new one and tells the old one', async () => {
    const opened = await signedUp('Ada')
    const { client, person } = opened
    const newEmail = somebody('Next').email
    assert.deepEqual(given(await client.changeEmail({ newEmail, callbackURL: '/welcome' })), { status: true })
    const letter = await mailbox.letterTo(newEmail, CHANGE.subject)
    await mailbox.letterTo(person.email, /is about to change/)
    assert.equal((await whoIs(opened))?.email, person.email)
    await confirm(openBrowser(app), letter)
    const user = await whoIs(opened)
    assert.deepEqual([user?.email, user?.emailVerified], [newEmail, true])
    const { claims } = decode(given(await client.token()).token)
    assert.equal(claims.email, newEmail)
    await mailbox.letterTo(person.email, /address was changed/)
  })

  it('asks for the password before a change of the address, when it was typed too long ago', async () => {
    const opened = await signedUp('Ada')
    const { client, person } = opened
    app.advance(10 * MINUTE)
    const newEmail = somebody('Next').email
    assert.deepEqual(refusedWith(await client.changeEmail({ newEmail })), [403, 'SESSION_NOT_FRESH'])
    assert.deepEqual(given(await verifyPassword(opened, person.password)), { status: true })
    assert.deepEqual(given(await client.changeEmail({ newEmail })), { status: true })
  })

  it('deletes an account by its password, and every session ends', async () => {
    const opened = await signedUp('Ada')
    const { client, person, hasSession } = opened
    const phone = openAuthClient(app)
    given(await phone.client.signIn.email(person))
    app.advance(10 * MINUTE)
    assert.deepEqual(refusedWith(await client.deleteUser({ password: 'not the password' })), [400, 'INVALID_PASSWORD'])
    assert.deepEqual(refusedWith(await client.deleteUser()), [400, 'SESSION_EXPIRED'])
    assert.deepEqual(refusedWith(await client.deleteUser({ token: 'x' })), [404, 'INVALID_TOKEN'])
    assert.equal((await whoIs(opened))?.email, person.email)

    assert.deepEqual(given(await client.deleteUser({ password: person.password })), {
      success: true,
      message: 'User deleted',
    })
    assert.equal(hasSession(), false)
    assert.deepEqual([await whoIs(opened), await whoIs(phone)], [undefined, undefined])
    await mailbox.letterTo(person.email, /account is about to be deleted/)
    assert.equal(refusedWith(await phone.client.signIn.email(person))[1], 'INVALID_EMAIL_OR_PASSWORD')
  })

  it('deletes an account without asking in a fresh session, and in one that verify-password made fresh', async () => {
    const fresh = await signedUp('Ada')
    assert.equal(given(await fresh.client.deleteUser()).success, true)
    const older = await signedUp('Ben')
    app.advance(10 * MINUTE)
    assert.deepEqual(refusedWith(await verifyPassword(older, 'not the password')), [400, 'INVALID_PASSWORD'])
    assert.deepEqual(refusedWith(await older.client.deleteUser()), [400, 'SESSION_EXPIRED'])
    given(await verifyPassword(older, older.person.password))
    assert.equal(given(await older.client.deleteUser()).success, true)
  })
})

describe('verifyEmail of the stock client', () => {
  it('confirms the address, and says so again', async () => {
    const { client, person, ...rest } = await signedUp('Ada')
    const { link } = await mailbox.letterTo(person.email, VERIFY.subject)
    const token = new URL(link).pathname.split('/').at(-1) ?? ''
    assert.deepEqual(given(await client.verifyEmail({ query: { token } })), { status: true })
    assert.equal((await whoIs({ client, ...rest }))?.emailVerified, true)
    assert.deepEqual(given(await client.verifyEmail({ query: { token, callbackURL: '/dashboard' } })), { status: true })
  })

  it('hears that a made-up token is none, and that an old one is over', async () => {
    const { client, person, ...rest } = await signedUp('Ada')
    for (const token of ['x', 'a'.repeat(24), '']) {
      assert.deepEqual(refusedWith(await client.verifyEmail({ query: { token } })), [401, 'INVALID_TOKEN'])
      const somewhere = await client.verifyEmail({ query: { token, callbackURL: '/dashboard' } })
      assert.deepEqual(refusedWith(somewhere), [401, 'INVALID_TOKEN'])
    }
    const { link } = await mailbox.letterTo(person.email, VERIFY.subject)
    app.advance(25 * 60 * MINUTE)
    const token = new URL(link).pathname.split('/').at(-1) ?? ''
    assert.deepEqual(refusedWith(await client.verifyEmail({ query: { token } })), [401, 'TOKEN_EXPIRED'])
    assert.notEqual((await whoIs({ client, ...rest }))?.emailVerified, true)
  })
})

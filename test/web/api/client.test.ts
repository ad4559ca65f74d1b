/** The stock `better-auth/client`, unchanged, against this server: what a front end usually does. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startApp } from '../../support/app.ts'
import { type AuthClient, openAuthClient } from '../../support/auth-client.ts'
import { type Person, somebody } from '../../support/people.ts'

const app = await startApp({}, { atPublicUrl: true })
const NEW_PASSWORD = 'quiet amber harbour window'

/** The data of an answer. @throws if the call was refused. */
function given<Data>({ data, error }: { data: Data; error: unknown }): NonNullable<Data> {
  assert.equal(error, null)
  assert.ok(data, 'there is an answer')
  return data
}

async function signedUp(name: string): Promise<AuthClient & { person: Person }> {
  const person = somebody(name)
  const opened = openAuthClient(app)
  given(await opened.client.signUp.email(person))
  return { ...opened, person }
}

/** The same person on another device. */
async function onAnotherDevice({ email, password }: Person): Promise<AuthClient> {
  const opened = openAuthClient(app)
  given(await opened.client.signIn.email({ email, password }))
  return opened
}

const whoIs = async ({ client }: AuthClient): Promise<string | undefined> => {
  const { data, error } = await client.getSession()
  assert.equal(error, null)
  return data?.user.name
}

describe('a front end', () => {
  it('signs somebody up and reads who they are, with every moment as a date', async () => {
    const person = somebody('Ada')
    const opened = openAuthClient(app)
    const { token, user } = given(await opened.client.signUp.email(person))
    assert.deepEqual([user.name, user.email, user.emailVerified, user.image], ['Ada', person.email, false, null])
    assert.match(token ?? '', /^[A-Za-z0-9]{32}$/)

    const { session, user: same } = given(await opened.client.getSession())
    assert.equal(same.id, user.id)
    assert.equal(session.userId, user.id)
    assert.equal(session.token, token)
    const moments = [user.createdAt, user.updatedAt, session.createdAt, session.updatedAt, session.expiresAt]
    for (const moment of moments) assert.ok(moment instanceof Date, String(moment))
    assert.ok(session.expiresAt > new Date(), 'still open')
  })

  it('signs in and out, and is told of nobody before and after without an error', async () => {
    const { person } = await signedUp('Ada')
    const opened = openAuthClient(app)
    assert.deepEqual(await opened.client.getSession(), { data: null, error: null })
    const { redirect, url, user } = given(await opened.client.signIn.email({ ...person, rememberMe: false }))
    assert.deepEqual([redirect, url, user.email], [false, undefined, person.email])
    assert.equal(await whoIs(opened), 'Ada')
    assert.deepEqual(given(await opened.client.signOut()), { success: true })
    assert.deepEqual(await opened.client.getSession(), { data: null, error: null })
    assert.equal(opened.hasSession(), false)
  })

  it('gets a token that the published keys verify, and it or another one with each look at the session', async () => {
    const { client, answers } = await signedUp('Ada')
    const { token } = given(await client.token())
    const { keys } = given(await client.jwks())
    const [head = ''] = token.split('.')
    const { alg, kid } = JSON.parse(Buffer.from(head, 'base64url').toString())
    assert.equal(alg, 'EdDSA')
    assert.ok(
      keys.some((key) => key.kid === kid),
      'the key is published',
    )
    await client.getSession()
    const fresh = answers.at(-1)?.headers.get('set-auth-jwt') ?? ''
    assert.equal(fresh.split('.').length, 3)
    assert.equal(fresh, token, 'within 30 seconds it is the same')
    app.advance(31_000)
    await client.getSession()
    assert.notEqual(answers.at(-1)?.headers.get('set-auth-jwt'), token)
  })

  it('changes name and picture, and the next look shows both', async () => {
    const opened = await signedUp('Ada')
    const image = 'https://example.org/ada.png'
    assert.deepEqual(given(await opened.client.updateUser({ name: 'Ada King', image })), { status: true })
    const { user } = given(await opened.client.getSession())
    assert.deepEqual([user.name, user.image], ['Ada King', image])
    given(await opened.client.updateUser({ image: null }))
    assert.equal(given(await opened.client.getSession()).user.image, null)
  })

  it('is told that the API is there, and of the one way to sign in', async () => {
    const { client } = await signedUp('Ada')
    assert.deepEqual(given(await client.$fetch('/ok')), { ok: true })
    const [account, ...others] = given(await client.listAccounts())
    assert.equal(account?.providerId, 'credential')
    assert.deepEqual(others, [])
  })
})

describe('somebody with several devices', () => {
  it('lists them and ends one of them', async () => {
    const laptop = await signedUp('Ada')
    const phone = await onAnotherDevice(laptop.person)
    const sessions = given(await laptop.client.listSessions())
    assert.equal(sessions.length, 2)
    for (const { createdAt, expiresAt } of sessions) {
      assert.ok(createdAt instanceof Date && expiresAt instanceof Date, 'both are dates')
    }
    const { token } = given(await phone.client.getSession()).session
    assert.ok(
      sessions.some((session) => session.token === token),
      'the phone is in the list',
    )
    assert.deepEqual(given(await laptop.client.revokeSession({ token })), { status: true })
    assert.deepEqual([await whoIs(laptop), await whoIs(phone)], ['Ada', undefined])
  })

  it('ends the one at hand by its own name', async () => {
    const laptop = await signedUp('Ada')
    const { token } = given(await laptop.client.getSession()).session
    given(await laptop.client.revokeSession({ token }))
    assert.equal(await whoIs(laptop), undefined)
    assert.equal(laptop.hasSession(), false)
  })

  it('ends all others', async () => {
    const laptop = await signedUp('Ada')
    const [phone, tablet] = [await onAnotherDevice(laptop.person), await onAnotherDevice(laptop.person)]
    assert.deepEqual(given(await laptop.client.revokeOtherSessions()), { status: true })
    assert.deepEqual([await whoIs(laptop), await whoIs(phone), await whoIs(tablet)], ['Ada', undefined, undefined])
    assert.equal(given(await laptop.client.listSessions()).length, 1)
  })

  it('ends all', async () => {
    const laptop = await signedUp('Ada')
    const phone = await onAnotherDevice(laptop.person)
    assert.deepEqual(given(await laptop.client.revokeSessions()), { status: true })
    assert.equal(laptop.hasSession(), false)
    assert.deepEqual([await whoIs(laptop), await whoIs(phone)], [undefined, undefined])
  })
})

describe('a new password', () => {
  it('leaves the other devices in when nobody asks for more', async () => {
    const laptop = await signedUp('Ada')
    const { person } = laptop
    const phone = await onAnotherDevice(person)
    const change = { currentPassword: person.password, newPassword: NEW_PASSWORD }
    const { token, user } = given(await laptop.client.changePassword(change))
    assert.equal(token, null)
    assert.equal(user.email, person.email)
    assert.deepEqual([await whoIs(laptop), await whoIs(phone)], ['Ada', 'Ada'])

    const { error } = await openAuthClient(app).client.signIn.email(person)
    assert.equal(error?.code, 'INVALID_EMAIL_OR_PASSWORD')
    await onAnotherDevice({ ...person, password: NEW_PASSWORD })
  })

  it('puts the other devices out on request, and the one at hand goes on under a new name', async () => {
    const laptop = await signedUp('Ada')
    const { person } = laptop
    const phone = await onAnotherDevice(person)
    const { token: before } = given(await laptop.client.getSession()).session
    const change = { currentPassword: person.password, newPassword: NEW_PASSWORD, revokeOtherSessions: true }
    const { token } = given(await laptop.client.changePassword(change))
    assert.match(token ?? '', /^[A-Za-z0-9]{32}$/)
    assert.notEqual(token, before)
    assert.deepEqual([await whoIs(laptop), await whoIs(phone)], ['Ada', undefined])
    assert.equal(given(await laptop.client.getSession()).session.token, token)
  })

  it('is preceded by a look whether the old one is known', async () => {
    const { client, person } = await signedUp('Ada')
    const verify = (password: string) => client.$fetch('/verify-password', { method: 'POST', body: { password } })
    assert.deepEqual(given(await verify(person.password)), { status: true })
    const { error } = await verify('not the password')
    assert.deepEqual([error?.status, (error as { code?: string } | null)?.code], [400, 'INVALID_PASSWORD'])
  })
})

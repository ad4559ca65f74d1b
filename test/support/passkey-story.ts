/** What a client does with passkeys, call by call, at this server or at the real Better Auth: by the fetch of its stock client. */
import { createAuthClient } from 'better-auth/client'
import { openBrowserFetch } from './auth-client.ts'
import { makeAuthenticator, type Ways } from './authenticator.ts'
import { PASSWORD, somebody } from './people.ts'
import { type Told, told } from './told.ts'

/** A browser with its own cookies. */
function openClient(url: string) {
  const { customFetchImpl } = openBrowserFetch(url)
  const client = createAuthClient({ baseURL: url, fetchOptions: { customFetchImpl } })
  return {
    client,
    get: (call: string) => client.$fetch<never>(`/passkey/${call}`, { method: 'GET' }),
    post: (call: string, body: object) => client.$fetch<never>(`/passkey/${call}`, { method: 'POST', body }),
  }
}

/** Each answer as it is compared: what was told, by the name of the call. */
export type Calls = Record<string, ReturnType<typeof told>>

/** The client sends what the browser has given it, without the results of extensions. */
const sent = <Given extends { clientExtensionResults: object }>({ clientExtensionResults: _, ...response }: Given) =>
  response

export async function passkeyStory(url: string): Promise<Calls> {
  const calls: Calls = {}
  const say = <Answer extends Told>(name: string, answer: Answer) => {
    // As it was sent: the client makes dates of some texts.
    calls[name] = told({ ...answer, data: JSON.parse(JSON.stringify(answer.data)) })
    return answer.data as never
  }
  const ada = openClient(url)
  const eve = openClient(url)
  say('add: options, nobody', await ada.get('generate-register-options'))
  say('add: nobody', await ada.post('verify-registration', { response: {} }))
  say('list: nobody', await ada.get('list-user-passkeys'))
  say('rename: nobody', await ada.post('update-passkey', { id: 'x', name: 'x' }))
  say('remove: nobody', await ada.post('delete-passkey', { id: 'x' }))
  await ada.client.signUp.email({ ...somebody('Ada'), password: PASSWORD })
  await eve.client.signUp.email({ ...somebody('Eve'), password: PASSWORD })

  const key = makeAuthenticator(url)
  say('add: not asked for', await ada.post('verify-registration', { response: sent(key.create({ challenge: 'eA' })) }))
  const add = async (ways: Ways = {}) => {
    const options = say('add: options', await ada.get('generate-register-options'))
    return { response: sent(key.create(options, ways)), name: ' Blue key ' }
  }
  say('add: for another origin', await ada.post('verify-registration', await add({ origin: 'https://evil.example' })))
  say('add: for another site', await ada.post('verify-registration', await add({ rpId: 'evil.example' })))
  say('add: what a login signs', await ada.post('verify-registration', await add({ type: 'webauthn.get' })))
  const good = await add({ count: 1 })
  const added = say('add', await ada.post('verify-registration', good)) as { id: string } | null
  say('add: again', await ada.post('verify-registration', good))
  say('list', await ada.get('list-user-passkeys'))
  const id = added?.id ?? ''
  say('rename', await ada.post('update-passkey', { id, name: 'Red key' }))
  say('rename: to nothing', await ada.post('update-passkey', { id, name: ' ' }))
  say('rename: unknown', await ada.post('update-passkey', { id: 'x', name: 'x' }))
  say('rename: of somebody else', await eve.post('update-passkey', { id, name: 'Mine' }))
  say('remove: of somebody else', await eve.post('delete-passkey', { id }))
  say('remove: unknown', await ada.post('delete-passkey', { id: 'x' }))
  say('remove: no id', await ada.post('delete-passkey', {}))

  const phone = openClient(url)
  say(
    'sign in: not asked for',
    await phone.post('verify-authentication', { response: sent(key.get({ challenge: 'eA' })) }),
  )
  say('sign in: no response', await phone.post('verify-authentication', {}))
  const signed = async (ways: Ways = {}, from = key) => {
    const options = say('sign in: options', await phone.get('generate-authenticate-options'))
    return { response: sent(from.get(options, ways)) }
  }
  say('sign in: unknown passkey', await phone.post('verify-authentication', await signed({}, makeAuthenticator(url))))
  say(
    'sign in: for another origin',
    await phone.post('verify-authentication', await signed({ origin: 'https://evil.example' })),
  )
  say('sign in: for another site', await phone.post('verify-authentication', await signed({ rpId: 'evil.example' })))
  const broken = await signed({ count: 2 })
  broken.response.response.signature = makeAuthenticator(url).get({ challenge: 'eA', rpId: 'x' }).response.signature
  say('sign in: signed by another key', await phone.post('verify-authentication', broken))
  const right = await signed({ count: 3 })
  say('sign in', await phone.post('verify-authentication', right))
  say('who is there', await phone.client.getSession())
  await phone.client.signOut()
  say('sign in: again', await phone.post('verify-authentication', right))
  say('sign in: counted back', await phone.post('verify-authentication', await signed({ count: 2 })))
  say('remove', await ada.post('delete-passkey', { id }))
  say('list: none', await ada.get('list-user-passkeys'))
  return calls
}

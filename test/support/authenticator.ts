/** An authenticator in software (WebAuthn Level 3, sections 6 and 8.7): it makes passkeys and signs with them, right or wrong as asked. */
import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { parse } from 'node-html-parser'
import type { ApiClient } from './api.ts'
import type { TestApp } from './app.ts'
import { type Browser, tokenOf } from './people.ts'

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest()
const text64 = (data: Buffer | string) => Buffer.from(data).toString('base64url')

const UP = 0x01
const UV = 0x04
const ELIGIBLE = 0x08
const ATTESTED = 0x40

/** What an authenticator, or a page, may do otherwise than it should. */
export type Ways = {
  origin?: string
  rpId?: string
  count?: number
  /** Does not check who holds it. */
  unverified?: boolean
  userHandle?: string
  type?: string
  /** Says that the passkey may be copied to other devices. */
  synced?: boolean
  /** Was asked by a page in a frame of another site. */
  framed?: boolean
}

type Options = { challenge: string; rp?: { id: string }; rpId?: string; user?: { id: string } }

export function makeAuthenticator(home: string) {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const id = randomBytes(32)
  let userHandle = ''
  let count = 0

  const clientData = (type: string, challenge: string, { origin = home, framed = false }: Ways) =>
    Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: framed }))
  function authData(
    rpId: string,
    { unverified = false, synced = false }: Ways,
    signed: number,
    attested = Buffer.alloc(0),
  ): Buffer {
    const counter = Buffer.alloc(4)
    counter.writeUInt32BE(signed)
    const flags = UP | (unverified ? 0 : UV) | (synced ? ELIGIBLE : 0) | (attested.length > 0 ? ATTESTED : 0)
    return Buffer.concat([sha256(rpId), Buffer.from([flags]), counter, attested])
  }
  // COSE: kty EC2, alg ES256, crv P-256, x, y (RFC 9053).
  const cose = Buffer.concat([
    Buffer.from('a5010203262001215820', 'hex'),
    Buffer.from(x, 'base64url'),
    Buffer.from('225820', 'hex'),
    Buffer.from(y, 'base64url'),
  ])

  return {
    id: text64(id),
    /** Makes a passkey. */
    create(options: Options, ways: Ways = {}) {
      userHandle = options.user?.id ?? ''
      count = ways.count ?? 0
      const length = Buffer.alloc(2)
      length.writeUInt16BE(id.length)
      const attested = Buffer.concat([Buffer.alloc(16), length, id, cose])
      const data = authData(ways.rpId ?? options.rp?.id ?? '', ways, count, attested)
      const size = Buffer.alloc(2)
      size.writeUInt16BE(data.length)
      const object = Buffer.concat([
        Buffer.from('a363666d74646e6f6e656761747453746d74a068617574684461746159', 'hex'),
        size,
        data,
      ])
      const type = ways.type ?? 'webauthn.create'
      return {
        ...{ id: text64(id), rawId: text64(id), type: 'public-key', clientExtensionResults: {} },
        response: {
          clientDataJSON: text64(clientData(type, options.challenge, ways)),
          attestationObject: text64(object),
          transports: ['internal'],
        },
      }
    },
    /** Signs with the passkey. */
    get(options: Options, ways: Ways = {}) {
      if (ways.count !== undefined) count = ways.count
      const data = authData(ways.rpId ?? options.rpId ?? '', ways, count)
      const client = clientData(ways.type ?? 'webauthn.get', options.challenge, ways)
      const signature = sign('sha256', Buffer.concat([data, sha256(client)]), privateKey)
      return {
        ...{ id: text64(id), rawId: text64(id), type: 'public-key', clientExtensionResults: {} },
        response: {
          clientDataJSON: text64(client),
          authenticatorData: text64(data),
          signature: text64(signature),
          userHandle: ways.userHandle ?? userHandle,
        },
      }
    },
  }
}

export type Authenticator = ReturnType<typeof makeAuthenticator>

export const PASSKEYS = '/account/passkeys'
const CALLS = '/api/auth/passkey'

export const registerOptions = async (browser: Pick<Browser, 'get'>): Promise<Options> =>
  JSON.parse((await browser.get(`${CALLS}/generate-register-options`)).text)
export const loginOptions = async (browser: Pick<Browser | ApiClient, 'get'>): Promise<Options> =>
  JSON.parse((await browser.get(`${CALLS}/generate-authenticate-options`)).text)

/** Adds a passkey on its page, as the script does it. */
export async function addPasskey(app: TestApp, browser: Browser, ways: Ways = {}): Promise<Authenticator> {
  const authenticator = makeAuthenticator(app.url)
  const credential = JSON.stringify(authenticator.create(await registerOptions(browser), ways))
  const added = await browser.submit(PASSKEYS, { credential })
  assert.equal(added.status, 303, added.text)
  return authenticator
}

/** The ids of somebody's passkeys, as the links of the page have them. */
export const passkeyIds = async (browser: Pick<Browser, 'get'>): Promise<string[]> =>
  parse((await browser.get(PASSKEYS)).text)
    .querySelectorAll(`main a[href^="${PASSKEYS}/"]`)
    .map((link) => link.getAttribute('href')?.split('/').at(-1) ?? '')

/** Adds a passkey to the account of a client of the API, which has to have signed in just now. */
export async function addPasskeyByApi(
  app: Pick<TestApp, 'url'>,
  api: ApiClient,
  ways: Ways = {},
): Promise<Authenticator> {
  const authenticator = makeAuthenticator(app.url)
  const response = authenticator.create((await api.get(`${CALLS}/generate-register-options`)).body, ways)
  const added = await api.post(`${CALLS}/verify-registration`, { response })
  assert.equal(added.status, 200, added.text)
  return authenticator
}

/** Sends what an authenticator has signed from the login page, as the script does it. */
export async function sendAssertion(browser: Browser, assertion: unknown, more: Record<string, string> = {}) {
  const _csrf = tokenOf((await browser.get('/login')).text)
  return browser.post('/login/passkey', { ...more, _csrf, credential: JSON.stringify(assertion) })
}

export const logInWith = async (browser: Browser, authenticator: Authenticator, ways: Ways = {}) =>
  sendAssertion(browser, authenticator.get(await loginOptions(browser), ways))

/** Tokens: reads them, forges them, and checks that no secret is in the log. */
import assert from 'node:assert/strict'
import { createHmac, type KeyObject, sign } from 'node:crypto'
import { type ApiClient, openApi } from './api.ts'
import type { TestApp } from './app.ts'
import type { Response } from './people.ts'
import { exchange } from './raw-http.ts'

export const SECOND = 1000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

export type Json = Record<string, unknown>

/** Sets the app's clock to this time. It then runs on, so that only the request itself adds time. */
export const setClock = (app: TestApp, to: Date | number): void => app.advance(Number(to) - app.deps.now())

const json = (part: string): Json => JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))

export function decode(token: string): { header: Json; claims: Json & { iat: number; exp: number; sid: string } } {
  const [header = '', claims = ''] = token.split('.')
  return { header: json(header), claims: json(claims) as never }
}

type Signer = (text: string) => Buffer

export const ed25519 =
  (key: KeyObject): Signer =>
  (text) =>
    sign(null, Buffer.from(text), key)
export const hmac =
  (secret: string | Buffer): Signer =>
  (text) =>
    createHmac('sha256', secret).update(text).digest()
export const unsigned: Signer = () => Buffer.alloc(0)

const encoded = (part: Json | string): string =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url')

/** A token with exactly this header and these claims. A string is used as it is. */
export function forge(header: Json | string, claims: Json | string, signer: Signer): string {
  const text = `${encoded(header)}.${encoded(claims)}`
  return `${text}.${signer(text).toString('base64url')}`
}

/** Changes a real token and signs it with the key that the app uses now. `undefined` removes a claim. */
export async function resigned(app: TestApp, token: string, claims: Json, header: Json = {}): Promise<string> {
  const real = decode(token)
  const { privateKey } = await app.deps.keyRing.current()
  return forge({ ...real.header, ...header }, { ...real.claims, ...claims }, ed25519(privateKey))
}

export type PublicKey = { kid: string; x: string }

/** The published keys. */
export async function keysOf(app: Pick<TestApp, 'port'>): Promise<PublicKey[]> {
  const { status, text } = await exchange(app, '/api/auth/jwks')
  assert.equal(status, 200, text)
  return JSON.parse(text).keys
}

export const kidsOf = async (app: Pick<TestApp, 'port'>): Promise<string[]> => (await keysOf(app)).map(({ kid }) => kid)

/** The id of the key that the app signs with now. */
export const signingKid = async (app: TestApp): Promise<string> => (await app.deps.keyRing.current()).kid

export function isUnauthorized(response: Response): void {
  assert.equal(response.status, 401, response.text)
  assert.deepEqual(response.body, { code: 'UNAUTHORIZED', message: 'Unauthorized' })
  assert.equal(response.headers['www-authenticate'], 'Bearer')
  assert.equal(response.headers['cache-control'], 'no-store')
}

export type Pair = { token: string; refreshToken: string; expiresIn: number; refreshExpiresAt: string }

/** Every refresh token of this test file, to check at the end that none is in the log. */
const refreshTokens = new Set<string>()

function pairOf(response: Response): Pair {
  assert.equal(response.status, 200, response.text)
  refreshTokens.add(response.body.refreshToken)
  return response.body
}

/** Starts a new token family for the session in the client's jar and returns its first pair. */
export const firstPair = async (api: ApiClient): Promise<Pair> => pairOf(await api.post('/api/auth/refresh-token', {}))

/** Uses a refresh token as a program does, without a cookie. */
export async function refresh(app: Pick<TestApp, 'url'>, refreshToken: unknown): Promise<Response> {
  const response = await openApi(app).post('/api/auth/refresh', { refreshToken })
  if (response.status === 200) pairOf(response)
  return response
}

/** Uses the refresh token of a pair and returns the next pair. @throws when it is refused. */
export const successor = async (app: Pick<TestApp, 'url'>, { refreshToken }: Pair): Promise<Pair> =>
  pairOf(await refresh(app, refreshToken))

export function isRefused(response: Response): void {
  assert.equal(response.status, 401, response.text)
  assert.equal(response.body.code, 'INVALID_REFRESH_TOKEN')
}

/** Checks that the log never contains tokens of either kind, cookies or private keys. */
export async function assertNothingSecretLogged(app: TestApp, more: readonly string[] = []): Promise<void> {
  const log = app.log()
  assert.match(log, /"route":"\/api\//, 'the log tells of the requests')
  assert.doesNotMatch(log, /eyJ[\w-]{8}/, 'a token is in the log')
  assert.doesNotMatch(log, /s(:|%3A)[\w-]{32}/i, 'a cookie is in the log')
  assert.doesNotMatch(log, /PRIVATE KEY|"d":|"sealed":/, 'a key is in the log')
  const rows = await app.sql<{ sealed: string }>`select sealed from signing_keys`
  const { privateKey } = await app.deps.keyRing.current()
  const { d = '' } = privateKey.export({ format: 'jwk' })
  for (const secret of [...refreshTokens, ...rows.map(({ sealed }) => sealed), d, ...more]) {
    assert.ok(secret.length >= 8, 'a secret worth looking for')
    assert.ok(!log.includes(secret), 'a secret is in the log')
  }
}

/**
 * Another implementation of WebAuthn, PyPI's `webauthn`, reads our options, takes and refuses the same answers as this server. And
 * a backend in Python can ask for a login by a passkey.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ApiClient, apiLearner, openApi } from '../support/api.ts'
import { startApp } from '../support/app.ts'
import { addPasskeyByApi, loginOptions, makeAuthenticator, type Ways } from '../support/authenticator.ts'
import { runPython } from '../support/python.ts'
import { decode } from '../support/tokens.ts'

const app = await startApp({}, { atPublicUrl: true })
const CALLS = '/api/auth/passkey'

const OTHERS_VERDICTS = `
import json, sys
from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers import base64url_to_bytes, parse_authentication_options_json, parse_registration_options_json
from webauthn.helpers.exceptions import WebAuthnException

site = json.loads(sys.argv[1])
expected = {"expected_rp_id": site["rpId"], "expected_origin": site["origin"], "require_user_verification": True}

def verdict(check, answer, challenge, **more):
    try:
        check(credential=answer, expected_challenge=challenge, **expected, **more)
        return True
    except WebAuthnException:
        return False

making = parse_registration_options_json(json.dumps(site["making"]))
asking = parse_authentication_options_json(json.dumps(site["asking"]))
assert making.rp.id == asking.rp_id == site["rpId"]
assert making.authenticator_selection.user_verification == asking.user_verification == "required"
made = verify_registration_response(
    credential=site["made"][0], expected_challenge=making.challenge, **expected)
print(json.dumps({
    "made": [verdict(verify_registration_response, one, making.challenge) for one in site["made"]],
    "signed": [verdict(verify_authentication_response, one, asking.challenge,
                       credential_public_key=base64url_to_bytes(site["publicKey"]), credential_current_sign_count=5)
               for one in site["signed"]],
    "id": made.credential_id == base64url_to_bytes(site["made"][0]["id"]),
    "key": made.credential_public_key == base64url_to_bytes(site["publicKey"]),
}))
`

const WRONG_WAYS: Ways[] = [{ origin: 'https://evil.example' }, { rpId: 'evil.example' }, { unverified: true }]

describe('another verifier of WebAuthn', () => {
  it('reads our options, and agrees with this server on what is right and what is wrong', async () => {
    const { api } = await apiLearner(app, 'Ada')
    const { body: making } = await api.get(`${CALLS}/generate-register-options`)
    const authenticator = makeAuthenticator(app.url)
    // Counted anew, so that the right one has the counter that both begin with.
    const made = [{ count: 5 }, ...WRONG_WAYS].map((ways) => authenticator.create(making, ways))
    const ours: boolean[] = []
    for (const response of made.toReversed()) {
      ours.unshift((await api.post(`${CALLS}/verify-registration`, { response })).status === 200)
    }
    assert.deepEqual(ours, [true, false, false, false])
    const [stored] = await app.sql<{ publicKey: string }>`
      select public_key from passkeys where credential_id = ${authenticator.id}`

    const phone = openApi(app)
    const asking = await loginOptions(phone)
    const stranger = makeAuthenticator(app.url)
    stranger.create(making)
    const forged = authenticator.get(asking, { count: 8 })
    forged.response.signature = stranger.get(asking, { count: 8 }).response.signature
    const signed = [
      authenticator.get(asking, { count: 6 }),
      ...WRONG_WAYS.map((ways) => authenticator.get(asking, { ...ways, count: 7 })),
      forged,
    ]
    const logins: boolean[] = []
    for (const response of signed.toReversed()) {
      logins.unshift((await phone.post(`${CALLS}/verify-authentication`, { response })).status === 200)
    }
    assert.deepEqual(logins, [true, false, false, false, false])

    const told = await runPython(
      OTHERS_VERDICTS,
      JSON.stringify({
        ...{ rpId: '127.0.0.1', origin: app.url, making, asking, made, signed },
        publicKey: stored?.publicKey,
      }),
    )
    assert.deepEqual(JSON.parse(told), { made: ours, signed: logins, id: true, key: true })
  })

  it('refuses a counter that stays, as this server does', async () => {
    const { api } = await apiLearner(app, 'Ada')
    const { body: making } = await api.get(`${CALLS}/generate-register-options`)
    const authenticator = makeAuthenticator(app.url)
    const made = authenticator.create(making, { count: 5 })
    assert.equal((await api.post(`${CALLS}/verify-registration`, { response: made })).status, 200)
    const [stored] = await app.sql<{ publicKey: string }>`
      select public_key from passkeys where credential_id = ${authenticator.id}`
    const phone = openApi(app)
    const asking = await loginOptions(phone)
    const signed = authenticator.get(asking, { count: 5 })
    assert.equal((await phone.post(`${CALLS}/verify-authentication`, { response: signed })).status, 400)
    const told = await runPython(
      OTHERS_VERDICTS,
      JSON.stringify({
        ...{ rpId: '127.0.0.1', origin: app.url, making, asking, made: [made], signed: [signed] },
        publicKey: stored?.publicKey,
      }),
    )
    assert.deepEqual(JSON.parse(told).signed, [false])
  })
})

const ASK = `
import sys
from matricula_auth import TooWeakLogin, Verifier

issuer, *tokens = sys.argv[1:]
verifier = Verifier(issuer)
for token in tokens:
    for ways in ({"mfa"}, {"hwk"}, {"pwd"}):
        try:
            print(*verifier.verify(token, require_amr=ways, max_age=60).amr, sep=",")
        except TooWeakLogin:
            print("too weak")
`

it('a backend in Python can ask for a passkey, and tells it from a password', async () => {
  const { api } = await apiLearner(app, 'Ada')
  const passkey = await addPasskeyByApi(app, api)
  const phone: ApiClient = openApi(app)
  const response = passkey.get(await loginOptions(phone))
  assert.equal((await phone.post(`${CALLS}/verify-authentication`, { response })).status, 200)
  const token = await phone.token()
  assert.deepEqual(decode(token).claims.amr, ['hwk', 'user', 'mfa'])
  const told = await runPython(ASK, app.url, token, await api.token())
  assert.deepEqual(told.split('\n'), [
    ...['hwk,user,mfa', 'hwk,user,mfa', 'too weak'],
    ...['too weak', 'too weak', 'pwd'],
  ])
})

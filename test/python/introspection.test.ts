/** Introspection (RFC 7662) by standard clients of Python and Java backends. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { apiLearner } from '../support/api.ts'
import { startApp } from '../support/app.ts'
import { runPython } from '../support/python.ts'

const SERVICE_KEY = 'a-service-key/of+the=tests-0123456789'
const app = await startApp({ SERVICE_KEY }, { atPublicUrl: true })

/** Authlib sends a form and authenticates with HTTP Basic. */
const AUTHLIB = `
import json, sys
from authlib.integrations.httpx_client import OAuth2Client
url, secret, token = sys.argv[1:]
client = OAuth2Client("a-backend", secret, token_endpoint_auth_method="client_secret_basic")
answer = client.introspect_token(url, token=token, token_type_hint="access_token")
print(json.dumps({"status": answer.status_code, "body": answer.json()}))`

/** What Spring Security's client sends: a form with only the token, HTTP Basic, and `Accept: application/json`. */
const LIKE_SPRING = `
import json, sys, httpx
url, secret, token = sys.argv[1:]
answer = httpx.post(url, data={"token": token}, auth=("a-backend", secret), headers={"Accept": "application/json"})
print(json.dumps({"status": answer.status_code, "body": answer.json()}))`

for (const [name, script] of Object.entries({ Authlib: AUTHLIB, 'a client like that of Spring': LIKE_SPRING })) {
  it(`${name} hears whether a token still counts`, async () => {
    const { api } = await apiLearner(app, 'Ada')
    const token = await api.token()
    const ask = async (secret: string) =>
      JSON.parse(await runPython(script, `${app.url}/api/auth/introspect`, secret, token))
    const active = await ask(SERVICE_KEY)
    assert.deepEqual([active.status, active.body.active], [200, true])
    await api.post('/api/auth/sign-out', {})
    assert.deepEqual(await ask(SERVICE_KEY), { status: 200, body: { active: false } })
    assert.equal((await ask('another-service-key-of-the-tests')).status, 401)
  })
}

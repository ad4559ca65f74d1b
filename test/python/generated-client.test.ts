/** A Python client generated from the API description signs up, gets a token and saves answers. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { promisify } from 'node:util'
import { startApp } from '../support/app.ts'
import { somebody } from '../support/people.ts'
import { pythonPath, runPython } from '../support/python.ts'

const app = await startApp({}, { atPublicUrl: true })
const folder = await mkdtemp(join(tmpdir(), 'matricula-client-'))
after(() => rm(folder, { recursive: true, force: true }))

const USE = `
import importlib, json, pkgutil, re, sys
folder, site, name, email, password = sys.argv[1:]
sys.path.insert(0, folder)
import learners
for module in pkgutil.walk_packages(learners.__path__, "learners."):
    importlib.import_module(module.name)
from learners import Client
from learners.api.default import get_auth_get_session, get_auth_token, get_profile, post_auth_sign_in_email, post_auth_sign_up_email, put_profile
from learners.models import PostAuthSignInEmailDataBody, PostAuthSignUpEmailJsonBody, PutProfileBody

client = Client(base_url=site, raise_on_unexpected_status=True)
signed_up = post_auth_sign_up_email.sync_detailed(client=client, body=PostAuthSignUpEmailJsonBody(name=name, email=email, password=password))
learner = client.with_headers({"Cookie": re.search("(?:^|, )(matricula=[^;]+)", signed_up.headers["set-cookie"]).group(1), "Origin": site})
token = get_auth_token.sync(client=learner).token
saved = put_profile.sync(client=learner, body=PutProfileBody.from_dict({"softwareExperience": "beginner", "hardwareAccess": ["none"]}))
by_token = client.with_headers({"Authorization": "Bearer " + token})
taken = post_auth_sign_up_email.sync_detailed(client=client, body=PostAuthSignUpEmailJsonBody(name=name, email=email, password=password))
by_form = post_auth_sign_in_email.sync_detailed(client=client, body=PostAuthSignInEmailDataBody(email=email, password=password))
print(json.dumps({
    "signed up": signed_up.parsed.user.name,
    "session": get_auth_get_session.sync(client=learner).user.email,
    "token": token.count("."),
    "saved": saved.to_dict(),
    "profile": get_profile.sync(client=by_token).to_dict(),
    "taken": [int(taken.status_code), taken.parsed.code],
    "by form": int(by_form.status_code),
}))`

it('signs up, reads its session, takes a token and saves answers', async () => {
  await writeFile(join(folder, 'openapi.json'), await (await fetch(`${app.url}/api/openapi.json`)).text())
  const { stdout } = await promisify(execFile)(
    pythonPath(),
    [
      '-I',
      '-m',
      'openapi_python_client',
      'generate',
      '--path',
      'openapi.json',
      '--output-path',
      'learners',
      '--meta',
      'none',
    ],
    { cwd: folder },
  )
  assert.doesNotMatch(stdout, /Unable to parse|Error/)
  const { name, email, password } = somebody('Ada')
  const told = JSON.parse(await runPython(USE, folder, app.url, name, email, password))
  const { saved, ...rest } = told
  assert.deepEqual(saved.hardwareAccess, ['none'])
  assert.deepEqual(rest, {
    'signed up': name,
    session: email,
    token: 2,
    profile: saved,
    taken: [422, 'USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL'],
    'by form': 200,
  })
})

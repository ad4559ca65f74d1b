/** The package on the oldest and the newest Python here, installed where there is nothing but what it requires. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { apiLearner } from '../support/api.ts'
import { startApp } from '../support/app.ts'
import { environmentOf, installInto, oldestAndNewest } from '../support/pythons.ts'

const SCRIPT = `
import asyncio, json, sys
folder, url, token = sys.argv[1:]
sys.path.insert(0, folder)
import matricula_auth
from matricula_auth import AsyncVerifier, BadToken, Verifier
verifier = Verifier(url)
names = [verifier.verify(token).name, asyncio.run(AsyncVerifier(verifier).verify(token)).name]
try:
    verifier.verify(token + "x")
except BadToken as refusal:
    print(json.dumps([*names, refusal.status, matricula_auth.__file__.startswith(folder), sys.version_info[1]]))`

const { pythons, missing } = await oldestAndNewest()
if (missing !== undefined) console.log(missing)
const app = await startApp({}, { atPublicUrl: true })

describe('the package', { concurrency: true }, () => {
  for (const python of pythons) {
    it(`is installed and checks a token on Python 3.${python.minor}`, async () => {
      const { api } = await apiLearner(app, 'Ada')
      const folder = mkdtempSync(join(tmpdir(), 'matricula-package-'))
      after(() => rmSync(folder, { recursive: true }))
      const program = await environmentOf(python)
      await installInto(program, folder)
      const args = ['-I', '-W', 'error', '-c', SCRIPT, folder, app.url, await api.token()]
      const { stdout } = await promisify(execFile)(program, args)
      assert.deepEqual(JSON.parse(stdout), ['Ada', 'Ada', 401, true, python.minor])
    })
  }
})

/** A real PgBouncer in transaction mode, in front of the database: `doctor` sees it, and what to do about it. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SECRET } from '../support/app.ts'
import { startPooler, whyNoPooler } from '../support/pooler.ts'
import { startProgram } from '../support/process.ts'

async function doctor(DATABASE_URL: string, DATABASE_URL_UNPOOLED: string) {
  const { ended, written } = startProgram(['dist/cli.js', 'doctor'], {
    NODE_ENV: 'test',
    APP_SECRETS: SECRET,
    DATABASE_URL,
    DATABASE_URL_UNPOOLED,
  })
  return { code: (await ended()).code, out: written.out }
}

describe('behind PgBouncer in transaction mode', { skip: whyNoPooler() }, () => {
  it('[F29] a site whose settings do not say so is red', async () => {
    const { url, direct } = await startPooler('ignore_startup_parameters = statement_timeout')
    const { code, out } = await doctor(url, direct)
    assert.equal(code, 1)
    assert.match(out, /^wrong {2}pooler {5}a pooler in transaction mode stands in between\n +-> Add \?pgbouncer=true/m)
    const mended = await doctor(`${url}?pgbouncer=true`, direct)
    assert.equal(mended.code, 0, mended.out)
  })

  it('that refuses our start-up parameter it is red too', async () => {
    const { url, direct } = await startPooler()
    const { code, out } = await doctor(url, direct)
    assert.equal(code, 1)
    assert.match(out, /^wrong {2}database {3}The pooler .* Add \?pgbouncer=true to DATABASE_URL/m)
    const mended = await doctor(`${url}?pgbouncer=true`, direct)
    assert.equal(mended.code, 0, mended.out)
  })
})

/** A database behind TLS whose certificate comes from the operator's own authority. */
import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { Unavailable } from '../../src/base/failures.ts'
import { loadConfig } from '../../src/config/config.ts'
import { ConfigError } from '../../src/config/problems.ts'
import { connectionOptions, createDb } from '../../src/database/database.ts'
import { migrate } from '../../src/database/migrate.ts'
import { SECRET } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { startProgram } from '../support/process.ts'
import { ANOTHER_AUTHORITY, AUTHORITY, startTlsProxy } from '../support/tls-proxy.ts'

const secured = await startTlsProxy(await createDatabase())

function urlWith(parameters: Record<string, string>): string {
  const url = new URL(secured)
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return url.href
}

async function ask(url: string) {
  const db = createDb({ url, poolMax: 1, deadlineMs: 3_000 })
  after(() => db.close())
  return db.sql<{ one: number }>`select 1 as one`
}

it('[F30] the address that Neon gives asks for TLS that is verified, and for nothing that a driver does not know', () => {
  const url = 'postgres://u:p@ep-x-1-pooler.eu.aws.neon.tech/d?sslmode=require&channel_binding=require'
  const { addresses, target, ...options } = connectionOptions(url)
  assert.deepEqual(addresses, [{ host: 'ep-x-1-pooler.eu.aws.neon.tech', port: 5432 }])
  assert.equal(target, 'any')
  assert.deepEqual(options, { user: 'u', pass: 'p', database: 'd', tls: {}, prepare: false })
})

describe('sslrootcert', () => {
  for (const more of [{}, { sslmode: 'require' }, { sslmode: 'verify-ca' }, { sslmode: 'verify-full' }]) {
    it(`names the authority that is believed, with ${JSON.stringify(more)}`, async () => {
      const url = urlWith({ sslrootcert: AUTHORITY, ...more })
      assert.equal((await ask(url))[0]?.one, 1)
      assert.equal(await migrate(url), 0)
    })
  }

  const REFUSED: Record<string, Record<string, string>> = {
    'another authority': { sslrootcert: ANOTHER_AUTHORITY },
    'the authorities of the system': { sslrootcert: 'system', sslmode: 'verify-full' },
    'no authority': { sslmode: 'require' },
  }
  for (const [name, parameters] of Object.entries(REFUSED)) {
    it(`[F31] with ${name} the database is not believed, and a start ends with the reason`, async () => {
      const url = urlWith(parameters)
      await assert.rejects(ask(url), Unavailable)
      await assert.rejects(migrate(url), /certificate/)
      const settings = { NODE_ENV: 'test', APP_SECRETS: SECRET, PORT: '0', DATABASE_URL: url }
      const server = startProgram(['dist/server.js'], settings)
      assert.equal((await server.ended()).code, 1)
      assert.match(server.written.err, /The database of DATABASE_URL refused: .*certificate/)
    })
  }

  it('that names no readable file stops the start as a wrong setting', () => {
    const load = (name: string) =>
      loadConfig({ NODE_ENV: 'test', APP_SECRETS: SECRET, [name]: urlWith({ sslrootcert: '/nowhere/authority.pem' }) })
    for (const name of ['DATABASE_URL', 'DATABASE_URL_UNPOOLED']) {
      assert.throws(
        () => load(name),
        (error) =>
          error instanceof ConfigError &&
          error.message.includes(`${name} names a file in sslrootcert that cannot be read`),
      )
    }
  })
})

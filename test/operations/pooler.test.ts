/** A real PgBouncer in transaction mode, in front of the database: `doctor` sees it, and what to do about it. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { freePort } from '../../src/database/embedded/port.ts'
import { SECRET } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { eventually, isOpen, startProgram } from '../support/process.ts'

const isMissing = spawnSync('pgbouncer', ['--version']).error !== undefined

/** Returns the address of the database behind a pooler with this line in its settings. */
async function startPooler(line = ''): Promise<{ url: string; direct: string }> {
  const direct = await createDatabase()
  const { hostname, port, username, password, pathname } = new URL(direct)
  const own = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'matricula-pooler-'))
  chmodSync(folder, 0o755)
  const settings = join(folder, 'pgbouncer.ini')
  const name = pathname.slice(1)
  writeFileSync(
    settings,
    `[databases]
${name} = host=${hostname} port=${port} dbname=${name} user=${username} password=${password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${own}
auth_type = any
pool_mode = transaction
unix_socket_dir =
${line}
`,
  )
  // It refuses to run as root.
  const asNobody = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  const pooler = spawn('pgbouncer', ['-q', ...asNobody, settings], { stdio: 'ignore' })
  after(() => {
    pooler.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })
  await eventually('the pooler to listen', () => isOpen(own))
  return { url: Object.assign(new URL(direct), { port: String(own) }).href, direct }
}

async function doctor(DATABASE_URL: string, DATABASE_URL_UNPOOLED: string) {
  const { ended, written } = startProgram(['dist/cli.js', 'doctor'], {
    NODE_ENV: 'test',
    APP_SECRETS: SECRET,
    DATABASE_URL,
    DATABASE_URL_UNPOOLED,
  })
  return { code: (await ended()).code, out: written.out }
}

describe('behind PgBouncer in transaction mode', { skip: isMissing && 'PgBouncer is not installed' }, () => {
  it('a site whose settings do not say so is red', async () => {
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

/** A real PgBouncer in transaction mode, in front of a new database. It is a package of the system. */
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { freePort } from '../../src/database/embedded/port.ts'
import { createDatabase } from './database.ts'
import { eventually, isOpen } from './process.ts'

/** Why tests with it are left out, or false. */
export const whyNoPooler = (): string | false =>
  spawnSync('pgbouncer', ['--version']).error !== undefined && 'PgBouncer is not installed'

/** Returns the address of the database behind a pooler with this line in its settings. */
export async function startPooler(line = ''): Promise<{ url: string; direct: string }> {
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

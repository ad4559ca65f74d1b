/** PostgreSQL servers of the system's own package, with all its programs: backups, standbys, archives of the log. */
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import postgres from 'postgres'
import { freePort } from '../../../src/database/embedded/port.ts'
import { chooseRunner, type Runner } from '../../../src/database/embedded/runner.ts'
import { eventually, startTool } from '../../support/process.ts'

/** Debian keeps them apart by version and off PATH. */
const FOLDERS = '/usr/lib/postgresql'
const PASSWORD = 'a-password-on-loopback'

type Settings = Record<string, string>
export type Cluster = Awaited<ReturnType<typeof openFolder>>
export type Server = Awaited<ReturnType<Cluster['start']>>

/** Where the programs of the newest version are. Undefined if the package is not installed. */
function programs(): string | undefined {
  if (!existsSync(FOLDERS)) return undefined
  const versions = readdirSync(FOLDERS).sort((one, other) => Number(other) - Number(one))
  return versions
    .map((version) => join(FOLDERS, version, 'bin'))
    .find((folder) => ['postgres', 'pg_basebackup'].every((program) => existsSync(join(folder, program))))
}

/** Why the tests with it are left out, or false. */
export const whyNot = (): string | false =>
  process.platform === 'linux' && programs() !== undefined
    ? false
    : 'needs Linux and the programs of PostgreSQL (apt-get install postgresql)'

/** A folder for servers, their backups and archives. Everything in it is gone after the test. */
export async function openFolder() {
  const bin = programs() ?? ''
  const folder = mkdtempSync(join(tmpdir(), 'matricula-rehearsal-'))
  const binaries = { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') }
  const runner = await chooseRunner(binaries, folder, join(folder, 'none'))
  after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }))
  const at = (name: string) => join(folder, name)

  /** Runs a program to its end as the user of the servers. @throws with what it wrote if it fails. */
  async function run(file: string, args: readonly string[], environment: Settings = {}): Promise<string> {
    const command = commandOf(runner, file, args)
    const path = { PATH: `${bin}:${process.env.PATH}`, ...environment }
    const program = startTool(command.file, command.args, path, command.identity)
    const { code } = await program.ended()
    if (code !== 0) throw new Error(`${file} ended with ${code}: ${program.written.out}${program.written.err}`)
    return program.written.out
  }

  function makeFolder(name: string): string {
    mkdirSync(at(name), { mode: 0o700 })
    if (runner.owner !== undefined) chownSync(at(name), runner.owner, runner.owner)
    return at(name)
  }

  return {
    at,
    run,
    makeFolder,
    /** Sets up an empty server, on which replication is allowed. */
    async initialise(name: string): Promise<void> {
      const passwordFile = at('password')
      writeFileSync(passwordFile, PASSWORD)
      if (runner.owner !== undefined) chownSync(passwordFile, runner.owner, runner.owner)
      await run('initdb', [
        ...['-D', at(name), '--username=matricula', `--pwfile=${passwordFile}`, '--auth=scram-sha-256'],
        ...['--encoding=UTF8', '--locale=C.UTF-8', '--no-instructions', '--no-sync'],
      ])
    },
    /** Starts the server on a folder, and waits until it answers. */
    async start(name: string, settings: Settings = {}) {
      const port = await freePort()
      const chosen = { listen_addresses: '127.0.0.1', port: String(port), unix_socket_directories: '', ...settings }
      const options = Object.entries(chosen).flatMap(([key, value]) => ['-c', `${key}=${value}`])
      const command = commandOf(runner, binaries.postgres, ['-D', at(name), ...options])
      const program = startTool(command.file, command.args, {}, command.identity)
      const urlOf = (database: string) => `postgres://matricula:${PASSWORD}@127.0.0.1:${port}/${database}`
      const admin = postgres(urlOf('postgres'), { max: 1, onnotice: () => {}, connect_timeout: 5 })
      after(() => admin.end({ timeout: 1 }))
      await eventually(`the server on ${name}`, async () => {
        if (!program.isRunning()) return true
        return (await admin`select 1`).length === 1
      })
      if (!program.isRunning()) throw new Error(program.written.err)
      return {
        port,
        admin,
        url: urlOf('matricula'),
        log: () => program.written.err,
        /** For programs of PostgreSQL. */
        environment: { PGHOST: '127.0.0.1', PGPORT: String(port), PGUSER: 'matricula', PGPASSWORD: PASSWORD },
        /** As when its machine is lost: nothing is finished, and nobody is told. */
        async lose(): Promise<void> {
          program.kill('SIGKILL')
          await program.ended()
        },
      }
    },
  }
}

function commandOf(runner: Runner, file: string, args: readonly string[]) {
  const { identity, ...command } = runner.command(file, [...args])
  return { ...command, identity: identity ?? {} }
}

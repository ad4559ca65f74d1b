/** A machine as docs/deploy.md sets one up, for commands that are pasted there: settings in a file, a service, its log. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after } from 'node:test'
import { ROOT } from '../../src/config/folders.ts'
import { freePort } from '../../src/database/embedded/port.ts'
import { SECRET } from './app.ts'
import { eventually, startProgram } from './process.ts'
import { curls, runInShell } from './shell.ts'

const ENVIRONMENT_FILE = '/etc/matricula/env'
const ADDRESS = 'http://127.0.0.1:3000'

export type Machine = Awaited<ReturnType<typeof setUpMachine>>

/** `startDatabase` is what happens at `systemctl start postgresql`. All of it ends after the test. */
export async function setUpMachine(settings: Record<string, string>, startDatabase: () => unknown = () => {}) {
  const folder = mkdtempSync(join(tmpdir(), 'matricula-machine-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const file = join(folder, 'env')
  const given = { NODE_ENV: 'test', HOST: '127.0.0.1', PORT: String(port), APP_SECRETS: SECRET, ...settings }
  writeFileSync(
    file,
    `${Object.entries(given)
      .map((pair) => pair.join('='))
      .join('\n')}\n`,
  )

  const logs: { out: string; err: string }[] = []
  let server: ReturnType<typeof startProgram> | undefined
  /** Resolves when it serves, or has ended. */
  async function restart(): Promise<void> {
    server?.kill('SIGTERM')
    await server?.ended()
    const lines = readFileSync(file, 'utf8').trim().split('\n')
    const next = startProgram(['dist/server.js'], Object.fromEntries(lines.map(pairOf)))
    server = next
    logs.push(next.written)
    await eventually('the service to start', () => !next.isRunning() || next.written.out.includes('"msg":"ready"'))
  }

  // The commands of a system manager, which the machine of the tests need not have: they ask this process.
  const control = createServer(async (req, res) => {
    if (req.url === '/restart/matricula') await restart()
    if (req.url === '/start/postgresql') await startDatabase()
    res.end(req.url === '/journal' ? logs.map(({ out, err }) => out + err).join('') : '')
  })
  await new Promise<void>((resolve) => control.listen(0, '127.0.0.1', resolve))
  after(() => control.close())
  const address = control.address()
  const controlUrl = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  const program = (name: string, text: string) => {
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`)
    chmodSync(join(folder, name), 0o755)
  }
  const ask = (path: string) =>
    `exec '${process.execPath}' -e "fetch('${controlUrl}${path}').then(async (r) => process.stdout.write(await r.text()))"`
  program('matricula', `exec '${process.execPath}' --env-file='${file}' '${join(ROOT, 'dist/cli.js')}' "$@"`)
  program('systemctl', ask('/$1/$2'))
  program('journalctl', ask('/journal'))
  const [curl = { name: '', path: '' }] = curls()
  const path = [folder, curl.path].join(delimiter)

  return {
    url,
    restart,
    log: () => logs.map(({ out, err }) => out + err).join(''),
    ended: async () => server?.ended(),
    /** Pastes commands of a page. Returns what they have written. @throws if one fails. */
    async paste(commands: string, values: Record<string, string> = {}): Promise<string> {
      const text = commands.replaceAll(ENVIRONMENT_FILE, file).replaceAll(ADDRESS, url)
      const [outcome] = await runInShell([text], { name: curl.name, path }, values)
      if (outcome?.ended !== true) throw new Error(`${commands}\n${outcome?.output}${outcome?.errors}`)
      return outcome.output
    },
    readiness: async () => (await fetch(`${url}/health/ready`)).json(),
  }
}

function pairOf(line: string): [string, string] {
  const at = line.indexOf('=')
  return [line.slice(0, at), line.slice(at + 1)]
}

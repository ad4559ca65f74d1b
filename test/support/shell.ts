/** Runs commands as a person pastes them: one after another in one `sh`, with the machine's curl or a stand-in. */
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after } from 'node:test'
import { ROOT } from '../../src/config/folders.ts'

/** A command that hangs must not block the test run. */
const PATIENCE_MS = 120_000

/** A curl, and the PATH on which it is found first. */
export type Curl = { name: string; path: string }

/** `ended` is false for a command that failed and for all after it. */
export type Outcome = { ended: boolean; output: string; errors: string }

const folder = mkdtempSync(join(tmpdir(), 'matricula-shell-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** The stand-in, and the curl of this machine if there is one. */
export function curls(): Curl[] {
  const path = process.env.PATH ?? ''
  const standIn = join(folder, 'curl')
  writeFileSync(standIn, `#!/bin/sh\nexec "${process.execPath}" "${join(ROOT, 'test/support/curl.mjs')}" "$@"\n`)
  chmodSync(standIn, 0o755)
  const isThere = path.split(delimiter).some((place) => existsSync(join(place, 'curl')))
  return [...(isThere ? [{ name: 'curl', path }] : []), { name: 'the stand-in', path: [folder, path].join(delimiter) }]
}

/** Runs the scripts in one shell and one empty folder until one fails, without the environment of this process. */
export async function runInShell(
  scripts: readonly string[],
  { path }: Curl,
  environment: Record<string, string>,
): Promise<Outcome[]> {
  const place = mkdtempSync(join(folder, 'run-'))
  const file = (index: number, kind: string) => join(place, `${index}.${kind}`)
  const whole = scripts.map((script, at) =>
    ['{', script, `} > '${file(at, 'out')}' 2> '${file(at, 'err')}'`, `: > '${file(at, 'end')}'`].join('\n'),
  )
  const home = mkdtempSync(join(place, 'home-'))
  const child = spawn('sh', ['-eu', '-c', whole.join('\n')], {
    cwd: home,
    env: { PATH: path, HOME: home, ...environment },
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: PATIENCE_MS,
  })
  await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
  const read = (name: string) => (existsSync(name) ? readFileSync(name, 'utf8') : '')
  return scripts.map((_script, at) => ({
    ended: existsSync(file(at, 'end')),
    output: read(file(at, 'out')),
    errors: read(file(at, 'err')),
  }))
}

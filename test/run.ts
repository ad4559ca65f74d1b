/**
 * `npm test`: style, types, then every test file against a PostgreSQL of this run's own. Arguments narrow it to test
 * files whose path holds one of them: `npm test -- login`.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../src/config.ts'
import { type DevDatabase, startDevDatabase } from '../src/dev-database.ts'
import { browserEnvironment } from './support/browser.ts'
import { createTemplate } from './support/database.ts'
import { pythonEnvironment } from './support/python.ts'
import { missingPrograms } from './support/terminal.ts'

const FILES_AT_ONCE = 3
/** A test that waits for something that never comes is ended, so that a run always closes. */
const STUCK_MS = 600_000

type Ending = { code: number; output: string }

const stopped = new AbortController()
let child: ChildProcess | undefined
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    stopped.abort()
    child?.kill('SIGTERM')
  })
}

/** Runs a program of a package, shows what it says, and returns it too. A run ended by hand starts no further one. */
function run(program: string, args: string[], env: NodeJS.ProcessEnv = process.env): Promise<Ending> {
  if (stopped.signal.aborted) return Promise.resolve({ code: 1, output: '' })
  return new Promise((resolve) => {
    child = spawn(process.execPath, [join(ROOT, program), ...args], {
      cwd: ROOT,
      env,
      stdio: ['inherit', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      process.stdout.write(chunk)
      output += chunk
    })
    child.once('close', (code) => resolve({ code: code ?? 1, output }))
  })
}

async function runTests(files: string[], more: Record<string, string>): Promise<Ending> {
  // All of them may have been left out; without a name, Node would look for files by itself.
  if (files.length === 0) return { code: 0, output: '' }
  const directory = mkdtempSync(join(tmpdir(), 'matricula-test-'))
  let database: DevDatabase | undefined
  try {
    // Nothing is worth keeping here, so the disk is not waited for.
    const settings = { fsync: 'off', synchronous_commit: 'off', max_connections: '200' }
    database = await startDevDatabase(directory, settings)
    await createTemplate(database.url)
    const options = [
      '--test',
      `--test-timeout=${STUCK_MS}`,
      `--test-concurrency=${FILES_AT_ONCE}`,
      '--test-reporter=spec',
    ]
    const env = { ...process.env, ...(await browserEnvironment()), ...more, TEST_DATABASE_URL: database.url }
    return await run('node_modules/tsx/dist/cli.mjs', [...options, ...files], env)
  } finally {
    await database?.stop({ evenIfUsed: true })
    rmSync(directory, { recursive: true, force: true })
  }
}

const wanted = process.argv.slice(2)
const files = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts') && !file.includes('node_modules'))
  .map((file) => join('test', file))
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort()

if (files.length === 0) {
  console.error(`No test file has ${wanted.join(' or ')} in its path`)
  process.exit(1)
}

const style = await run('node_modules/@biomejs/biome/bin/biome', ['ci', '--error-on-warnings', '.'])
const types = await run('node_modules/typescript/bin/tsc', ['-p', 'test'])
const python = await pythonEnvironment(files, { signal: stopped.signal })
const isInTerminal = (file: string) => file.includes('text-browsers')
const wanting = files.some(isInTerminal) ? missingPrograms() : []
const tests = await runTests(
  python.files.filter((file) => wanting.length === 0 || !isInTerminal(file)),
  python.environment,
)
process.exitCode = style.code || types.code || tests.code

if (python.missing) console.log(python.missing)
if (wanting.length > 0) {
  console.log(`The tests with text browsers are left out: ${wanting.join(' and ')} not installed.`)
}
const count = (what: string): string => tests.output.match(new RegExp(`^\\S* ?${what} (\\d+)$`, 'm'))?.[1] ?? '0'
console.log(`\n${count('pass')} passed, ${count('fail')} failed`)

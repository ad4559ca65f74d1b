/**
 * `npm test`: compiles everything, checks the style, and runs every test file against a PostgreSQL of this run's own.
 * Arguments select test files whose path contains one of them, and leave out what these do not need: `npm test -- login`.
 *
 * The journeys are run once more as on a distributed database: each transaction is serializable, and each connection takes
 * numbers of a sequence by the hundred. `npm test -- --serializable login` runs any part in that way alone.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ROOT } from '../src/config/folders.ts'
import { type DevDatabase, startDevDatabase } from '../src/database/embedded/server.ts'
import { browserEnvironment } from './support/browser.ts'
import { bundlesOf } from './support/bundles.ts'
import { createTemplate } from './support/database.ts'
import { pythonEnvironment } from './support/python.ts'
import { missingPrograms } from './support/terminal.ts'

/** Tests often wait for something, so there are more at once than this machine has cores. */
const FILES_AT_ONCE = 2 * availableParallelism() + 1
/** What most people do, over HTTP: these run on a strict database, too. */
const SERIALIZABLE_JOURNEYS = [
  'accounts/row-order.test.ts',
  'mail/instances.test.ts',
  'session/sessions.test.ts',
  'pages/deletion-undo.test.ts',
  'pages/lesson-marks.test.ts',
  'pages/login.test.ts',
  'pages/onboarding.test.ts',
  'pages/password-reset-link.test.ts',
  'pages/plan.test.ts',
  'pages/sign-up.test.ts',
  'api/refresh-used.test.ts',
]
/** Where the compiled tests go. Run through a loader, every file would compile what it imports once more. */
const BUILD = 'build'
/** A test that hangs is ended after this time, so that a run always ends. */
const STUCK_MS = 600_000

type Ending = { code: number; output: string }

const stopped = new AbortController()
const children = new Set<ChildProcess>()
function stop() {
  stopped.abort()
  for (const child of children) child.kill('SIGTERM')
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
// Whoever reads the output has gone, as `head` does. The database must be stopped all the same.
process.stdout.on('error', stop)

/** Runs a Node program. Shows its output and returns it. After Ctrl-C nothing more is started. */
function run(args: string[], env: NodeJS.ProcessEnv = process.env): Promise<Ending> {
  if (stopped.signal.aborted) return Promise.resolve({ code: 1, output: '' })
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      cwd: ROOT,
      env,
      stdio: ['inherit', 'pipe', 'inherit'],
    })
    children.add(child)
    let output = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      process.stdout.write(chunk)
      output += chunk
    })
    child.once('close', (code) => {
      children.delete(child)
      resolve({ code: code ?? 1, output })
    })
  })
}

const compiled = (file: string): string => join(ROOT, BUILD, file.replace(/\.ts$/, '.js'))

const compile = (project: string, ...options: string[]): Promise<Ending> =>
  run(['node_modules/typescript/bin/tsc', '-p', project, ...options])

/**
 * Writes a module for each bundle of test files into `folder`, and returns the modules. Node runs each in a process of its
 * own. No test begins before all files are loaded: what a file registers while a test is running would count as a part of
 * that test.
 */
function writeEntries(files: readonly string[], folder: string): string[] {
  return bundlesOf(files).map((bundle, index) => {
    const lines = [
      "import { before } from 'node:test'",
      'let start',
      'const loaded = new Promise((resolve) => { start = resolve })',
      'before(() => loaded)',
      ...bundle.map((file) => `await import(${JSON.stringify(pathToFileURL(compiled(file)).href)})`),
      'start()',
    ]
    // Node starts them in alphabetical order.
    const entry = join(folder, `bundle-${String(index).padStart(3, '0')}.mjs`)
    writeFileSync(entry, `${lines.join('\n')}\n`)
    return entry
  })
}

/** Runs test files on a database of their own. `serializable`: as strict as a distributed database is by default. */
async function runTests(
  files: string[],
  more: Record<string, string>,
  { serializable }: { serializable: boolean },
): Promise<Ending> {
  // Without a file name, Node would look for test files by itself.
  if (files.length === 0) return { code: 0, output: '' }
  const directory = mkdtempSync(join(tmpdir(), 'matricula-test-'))
  let database: DevDatabase | undefined
  try {
    // Nothing here is worth keeping, so PostgreSQL need not wait for the disk.
    const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '500' }
    const strict: Record<string, string> = serializable ? { default_transaction_isolation: 'serializable' } : {}
    database = await startDevDatabase(directory, { ...settings, ...strict })
    await createTemplate(database.url, { cachedSequences: serializable })
    const options = [
      '--enable-source-maps',
      '--test',
      `--test-timeout=${STUCK_MS}`,
      `--test-concurrency=${FILES_AT_ONCE}`,
      '--test-reporter=spec',
      '--test-reporter-destination=stdout',
      `--test-reporter=${pathToFileURL(compiled('test/support/slowest-files.ts')).href}`,
      '--test-reporter-destination=stdout',
    ]
    const env = {
      ...process.env,
      ...(await browserEnvironment()),
      ...more,
      TEST_DATABASE_URL: database.url,
      TEST_SERIALIZABLE: serializable ? 'yes' : 'no',
      GALLERY_FILE: join(directory, 'gallery.json'),
    }
    return await run([...options, ...writeEntries(files, directory)], env)
  } finally {
    await database?.stop({ evenIfUsed: true })
    rmSync(directory, { recursive: true, force: true })
  }
}

const SERIALIZABLE = '--serializable'
const onlySerializable = process.argv.includes(SERIALIZABLE)
const wanted = process.argv.slice(2).filter((argument) => argument !== SERIALIZABLE)
const files = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts') && !file.includes('node_modules'))
  .map((file) => join('test', file))
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort()

if (files.length === 0) {
  console.error(`No test file has ${wanted.join(' or ')} in its path`)
  process.exit(1)
}

const selected = wanted.length > 0
const style: Promise<Ending> = selected
  ? Promise.resolve({ code: 0, output: '' })
  : run(['node_modules/@biomejs/biome/bin/biome', 'ci', '--error-on-warnings', '.'])
const [app, types] = await Promise.all([compile('.'), compile('test', '--noEmit', 'false', '--outDir', BUILD)])
const python = await pythonEnvironment(files, { signal: stopped.signal })
const isInTerminal = (file: string) => file.includes('text-browsers')
const wanting = files.some(isInTerminal) ? missingPrograms() : []
const runnable = python.files.filter((file) => wanting.length === 0 || !isInTerminal(file))
const tests = await runTests(runnable, python.environment, { serializable: onlySerializable })
const journeys = runnable.filter((file) =>
  SERIALIZABLE_JOURNEYS.some((journey) => file.replaceAll('\\', '/').endsWith(`/${journey}`)),
)
const strictly: Ending =
  selected || onlySerializable
    ? { code: 0, output: '' }
    : await runTests(journeys, python.environment, { serializable: true })
process.exitCode = app.code || types.code || (await style).code || tests.code || strictly.code

if (python.missing) console.log(python.missing)
if (wanting.length > 0) {
  console.log(`The tests with text browsers are left out: ${wanting.join(' and ')} not installed.`)
}
const count = (what: string): number =>
  [tests, strictly].reduce(
    (sum, { output }) => sum + Number(output.match(new RegExp(`^\\S* ?${what} (\\d+)$`, 'm'))?.[1] ?? 0),
    0,
  )
console.log(`\n${count('pass')} passed, ${count('fail')} failed`)

/**
 * `npm run fuzz`: more sequences than `npm test` has time for, `-- --runs 2000 --seed 7` chooses how many and which. A failure
 * prints the options that show it again. `-- --hostile` sends hostile values to every form and endpoint, `-- --soak` is
 * `npm run soak`.
 */
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ROOT } from '../../src/config/folders.ts'
import { startDevDatabase } from '../../src/database/embedded/server.ts'
import { createTemplate } from '../support/database.ts'

const text = { type: 'string' } as const
const { values } = parseArgs({
  options: {
    runs: { ...text, default: '2000' },
    steps: { ...text, default: '40' },
    races: { ...text, default: '3' },
    seed: text,
    only: text,
    path: text,
    replay: text,
    requests: { ...text, default: '50000' },
    hostile: { type: 'boolean', default: false },
    soak: { type: 'boolean', default: false },
  },
})
const { soak, hostile, requests, ...options } = values
const chosen = Object.entries(options).flatMap(([name, value]) =>
  value === undefined ? [] : [[`FUZZ_${name.toUpperCase()}`, value]],
)
const hostileTests = ['hostile-pages.test.js', 'hostile-api.test.js']
const tests = hostile ? hostileTests : ['sequences.test.js']

/** Compiled, as the threads for hashing have no room for a loader. */
const BUILD = 'build'
const compiler = join(ROOT, 'node_modules/typescript/bin/tsc')
execFileSync(process.execPath, [compiler, '-p', 'test', '--noEmit', 'false', '--outDir', BUILD], {
  cwd: ROOT,
  stdio: 'inherit',
})

const directory = mkdtempSync(join(tmpdir(), 'matricula-fuzz-'))
const stopped = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopped.abort())
const database = await startDevDatabase(directory, { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' })

function run(file: string): Promise<number> {
  const env = {
    ...process.env,
    ...Object.fromEntries(chosen),
    FUZZ_SHARE: '1',
    SOAK_REQUESTS: requests,
    TEST_DATABASE_URL: database.url,
  }
  const child = spawn(process.execPath, ['--expose-gc', '--enable-source-maps', join(BUILD, 'test/fuzz', file)], {
    cwd: ROOT,
    env,
    stdio: 'inherit',
    signal: stopped.signal,
  })
  return new Promise((resolve) => {
    child.once('error', () => resolve(1))
    child.once('exit', (code) => resolve(code ?? 1))
  })
}

try {
  await createTemplate(database.url, { cachedSequences: false })
  for (const file of soak ? ['soak.js'] : tests) process.exitCode = (await run(file)) || (process.exitCode ?? 0)
} finally {
  await database.stop({ evenIfUsed: true })
  rmSync(directory, { recursive: true, force: true })
}

/**
 * `npm run mutants`: breaks each guard of the app, one after the other, and runs the test that must notice. A mutant that survives
 * fails the run, as does one whose guard is no longer found, or whose test fails by itself. Words select some:
 * `npm run mutants -- csrf`. It works on a copy, so nothing is left broken.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { startDevDatabase } from '../../src/database/embedded/server.ts'
import { browserEnvironment } from '../support/browser.ts'
import { createTemplate } from '../support/database.ts'
import { MUTANTS } from './all.ts'
import type { Mutant } from './mutant.ts'
import { copyProject, makeFolder, type Outcome, openWorkshop, type Workshop } from './workshop.ts'

type Verdict = { mutant: Mutant; killed: boolean; says: string; seconds: number }

const words = process.argv.slice(2)
const wanted = MUTANTS.filter(({ guard, breaks, test }) =>
  words.every((word) => [guard, test, ...breaks.map(({ file }) => file)].some((text) => text.includes(word))),
)

async function judge(workshop: Workshop, mutant: Mutant, whole: Outcome): Promise<Omit<Verdict, 'mutant' | 'seconds'>> {
  const { test, title } = mutant
  if (title !== '?' && (!whole.passed.has(title) || whole.failed.has(title)))
    return { killed: false, says: `${test} has no passing test “${title}” when nothing is broken` }
  try {
    const { failed, passed } = await workshop.broken(mutant, () => workshop.test(test))
    if (title === '?')
      return { killed: false, says: `FAILS: ${JSON.stringify([...failed].filter((t) => whole.passed.has(t)))}` }
    if (failed.has(title)) return { killed: true, says: title }
    if (!passed.has(title) && failed.size > 0) return { killed: true, says: 'the whole file fails' }
    return {
      killed: false,
      says: `SURVIVED. ${failed.size === 0 ? 'No test fails' : `Other tests fail: ${[...failed].join(' | ')}`}`,
    }
  } catch (error) {
    return { killed: false, says: error instanceof Error ? error.message : String(error) }
  }
}

/** Works through the mutants of one test file at a time, so that what that file says by itself is asked once. */
async function work(workshop: Workshop, queue: Mutant[][], verdicts: Verdict[]): Promise<void> {
  for (let mutants = queue.shift(); mutants; mutants = queue.shift()) {
    const whole = await workshop.test(mutants[0]?.test ?? '')
    for (const mutant of mutants) {
      const startedAt = performance.now()
      const verdict = await judge(workshop, mutant, whole)
      const seconds = Math.round((performance.now() - startedAt) / 1_000)
      verdicts.push({ mutant, ...verdict, seconds })
      console.log(
        `${verdict.killed ? 'killed' : 'ALIVE '}  ${mutant.guard}: ${mutant.test} › ${verdict.says} (${seconds} s)`,
      )
    }
  }
}

const directory = mkdtempSync(join(tmpdir(), 'matricula-mutants-'))
const database = await startDevDatabase(join(directory, 'database'), {
  ...{ fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '300' },
})
try {
  await createTemplate(database.url, { cachedSequences: false })
  const env = {
    ...process.env,
    ...(await browserEnvironment()),
    TEST_DATABASE_URL: database.url,
    TEST_SERIALIZABLE: 'no',
  }
  const files = [...new Set(wanted.map(({ test }) => test))]
  const queue = files
    .map((file) => wanted.filter(({ test }) => test === file))
    .sort((one, other) => other.length - one.length)
  const verdicts: Verdict[] = []
  const hands = Array.from({ length: Math.min(availableParallelism(), queue.length) }, async (_, index) => {
    const folder = join(directory, `workshop-${index}`)
    makeFolder(folder)
    copyProject(folder)
    const workshop = openWorkshop(folder, { ...env, GALLERY_FILE: join(folder, 'gallery.json') })
    await workshop.compile()
    await work(workshop, queue, verdicts)
  })
  await Promise.all(hands)
  const alive = verdicts.filter(({ killed }) => !killed)
  for (const { mutant, says } of alive) console.log(`ALIVE: ${mutant.guard}: ${says}`)
  console.log(`\n${verdicts.length - alive.length} of ${verdicts.length} mutants killed`)
  process.exitCode = alive.length > 0 || verdicts.length === 0 ? 1 : 0
} finally {
  await database.stop({ evenIfUsed: true })
  rmSync(directory, { recursive: true, force: true })
}

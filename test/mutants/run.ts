/**
 * `npm run mutants`: breaks each guard of the app, one after the other, and runs the test that must notice. A mutant that survives
 * fails the run, as does one whose guard is no longer found, or whose test fails by itself. Words select some:
 * `npm run mutants -- csrf`, `-- 'csrf|origins'`. It works on a copy, so nothing is left broken.
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

/** The tests of a file that are to fail, and what became of them when nothing was broken. */
type Own = { titles: string[]; outcome: Outcome }
type Verdict = { mutant: Mutant; killed: boolean; says: string; seconds: number }

/** After Ctrl-C nothing more is begun, and the database and the copies go. */
let stopped = false
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    stopped = true
  })

const words = process.argv.slice(2)
const wanted = MUTANTS.filter(({ guard, breaks, test }) =>
  words.every((word) => {
    const texts = [guard, test, ...breaks.map(({ file }) => file)]
    return word.split('|').some((one) => texts.some((text) => text.includes(one)))
  }),
)

async function judge(workshop: Workshop, mutant: Mutant, own: Own): Promise<Omit<Verdict, 'mutant' | 'seconds'>> {
  const { test, title } = mutant
  if (!own.outcome.passed.has(title) || own.outcome.failed.has(title))
    return { killed: false, says: `${test} has no passing test “${title}” when nothing is broken` }
  try {
    return await workshop.broken(mutant, async () => {
      const { failed, passed } = await workshop.test(test, own.titles)
      if (failed.has(title)) return { killed: true, says: title }
      if (!passed.has(title))
        return { killed: false, says: `“${title}” was not run: the patch breaks more than the guard` }
      // For whoever looks for the test that notices: the others of the file.
      const others = [...(await workshop.test(test)).failed]
      const who = others.length === 0 ? 'no test of the file fails' : `other tests fail: ${others.join(' | ')}`
      return { killed: false, says: `“${title}” passes; ${who}` }
    })
  } catch (error) {
    return { killed: false, says: error instanceof Error ? error.message : String(error) }
  }
}

/** Works through the mutants of one test file at a time, so that what its tests say by themselves is asked once. */
async function work(workshop: Workshop, queue: Mutant[][], verdicts: Verdict[]): Promise<void> {
  for (let mutants = queue.shift(); mutants; mutants = queue.shift()) {
    const titles = mutants.map(({ title }) => title)
    const own = { titles, outcome: await workshop.test(mutants[0]?.test ?? '', titles) }
    for (const mutant of mutants) {
      if (stopped) return
      const startedAt = performance.now()
      const verdict = await judge(workshop, mutant, own)
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
  const left = wanted.length - verdicts.length
  console.log(
    `\n${verdicts.length - alive.length} of ${verdicts.length} mutants killed${left > 0 ? `, ${left} not tried` : ''}`,
  )
  process.exitCode = stopped || alive.length > 0 || verdicts.length === 0 ? 1 : 0
} finally {
  await database.stop({ evenIfUsed: true })
  rmSync(directory, { recursive: true, force: true })
}

/** docs/scaling.md: what its script prints is the table below it, and no table of ours is left out. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, it } from 'node:test'
import postgres from 'postgres'
import { createDatabase } from '../support/database.ts'
import { blocksIn, codeIn, readPage, rowsOf, sectionOf } from '../support/page.ts'

const PAGE = readPage('docs/scaling.md')
/** Postgrator's own. */
const OF_MIGRATIONS = 'schemaversion'

describe('the page about growing', () => {
  it('shows a reader who runs its script the table that stands there', () => {
    const [script = ''] = blocksIn(PAGE, 'js', 'Your own numbers')
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module'], { input: script, encoding: 'utf8' })
    assert.equal(stderr, '')
    const printed = rowsOf(stdout)
    assert.equal(printed.length, 6)
    assert.deepEqual(rowsOf(sectionOf(PAGE, 'Your own numbers')), printed)
  })

  it('names the key of every table', async () => {
    const client = postgres(await createDatabase(), { max: 1 })
    const tables = await client<{ name: string }[]>`
      select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace`
    await client.end()
    const named = rowsOf(sectionOf(PAGE, 'The key to distribute each table by')).flatMap(([first = '']) =>
      codeIn(first),
    )
    const ours = tables.map(({ name }) => name).filter((name) => name !== OF_MIGRATIONS)
    assert.deepEqual([...new Set(named)].toSorted(), ours.toSorted())
  })
})

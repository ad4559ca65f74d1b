/** docs/expectations.md: each line names tests that exist, or says why there is none. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { ROOT } from '../../src/config/folders.ts'
import { codeIn, readPage, rowsOf } from '../support/page.ts'

/** So many lines are expected of an operator's software at least. */
const LINES = 39

it('what an operator expects is shown by tests that exist', () => {
  const rows = rowsOf(readPage('docs/expectations.md'))
  assert.equal(rows.length, LINES)
  for (const [number = '', expected = '', shown = ''] of rows) {
    assert.match(number, /^\d+$/)
    assert.notEqual(expected, '')
    assert.notEqual(shown, '')
    const tests = codeIn(shown).filter((name) => /^[a-z-]+(\/[a-z-]+)*$/.test(name))
    for (const name of tests) assert.ok(existsSync(join(ROOT, 'test', `${name}.test.ts`)), `${number}: ${name}`)
  }
})

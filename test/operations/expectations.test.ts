/** docs/expectations.md: each line names tests that exist, or says why there is none. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { readPage, rowsOf } from '../support/page.ts'
import { faultOf, referencesIn } from '../support/shown-by.ts'

/** So many lines are expected of an operator's software at least. */
const LINES = 39

it('what an operator expects is shown by tests that exist', () => {
  const rows = rowsOf(readPage('docs/expectations.md'))
  assert.equal(rows.length, LINES)
  for (const [number = '', expected = '', shown = ''] of rows) {
    assert.match(number, /^\d+$/)
    assert.notEqual(expected, '')
    assert.notEqual(shown, '')
    for (const reference of referencesIn(shown)) assert.equal(faultOf(reference), undefined, number)
  }
})

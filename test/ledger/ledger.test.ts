/** docs/threats.md: every attack and every fault is shown by a test that names its row, or has a reason. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { read } from '../support/imports.ts'
import { gapsIn, pageOf } from './ledger.ts'
import { REASONS } from './reasons.ts'
import { readSections } from './rows.ts'
import { readTags, tagsIn } from './tags.ts'

/** So many rows there are at least: a file that is not read would be missed by nobody. */
const ROWS = 233

const ledger = { sections: readSections(), tags: readTags(), reasons: REASONS }

describe('the ledger', () => {
  it('has every row shown by a test, or a reason why it does not apply', () => {
    const rows = ledger.sections.flatMap((section) => section.rows)
    assert.ok(rows.length >= ROWS, `${rows.length} found`)
    assert.deepEqual(gapsIn(ledger), [])
  })

  it('is on its page as it is. If not, run npm run -s ledger', () => {
    assert.equal(read('docs/threats.md'), pageOf(ledger))
  })

  it('has reasons of one sentence', () => {
    for (const [id, reason] of Object.entries(REASONS)) assert.match(reason, /^[^\n]{20,}[^.]$/, id)
  })
})

describe('a gap in the ledger is seen', () => {
  const row = (id: string) => ({ id, done: 'something is sent', outcome: 'it is refused' })
  const sections = [{ letter: 'Z', title: 'Of this test', note: '', rows: [row('Z01'), row('Z02')] }]
  const tag = (...ids: string[]) => ({ ids, file: 'test/some.test.ts', name: 'somebody is refused' })
  const CASES = [
    { what: 'nothing, if one is shown and one has a reason', tags: [tag('Z01')], reasons: { Z02: 'none' }, seen: [] },
    { what: 'a row that nobody shows', tags: [tag('Z01')], reasons: {}, seen: [/^Z02 is shown by no test/] },
    {
      what: 'a title with an unknown id',
      tags: [tag('Z01', 'Z02', 'Z03')],
      reasons: {},
      seen: [/^Z03 is no row: test/],
    },
    {
      what: 'a reason that nobody needs',
      tags: [tag('Z01', 'Z02')],
      reasons: { Z01: 'none' },
      seen: [/^Z01 has a reason/],
    },
    { what: 'a reason of no row', tags: [tag('Z01', 'Z02')], reasons: { Z09: 'none' }, seen: [/^Z09 is no row/] },
  ]
  for (const { what, tags, reasons, seen } of CASES) {
    it(what, () => {
      const gaps = gapsIn({ sections, tags, reasons })
      assert.equal(gaps.length, seen.length, gaps.join(', '))
      for (const [at, pattern] of seen.entries()) assert.match(gaps[at] ?? '', pattern)
    })
  }

  it('and a row that stands there twice', () => {
    const twice = [...sections, ...sections]
    assert.match(gapsIn({ sections: twice, tags: [tag('Z01', 'Z02')], reasons: {} }).join(), /Z01 stands there twice/)
  })

  it('and a page that says something else', () => {
    const shown = pageOf({ sections, tags: [tag('Z01')], reasons: { Z02: 'nobody is there' } })
    assert.match(
      shown,
      /^\| Z01 \| something is sent \| it is refused \| \[some\]\(\.\.\/test\/some\.test\.ts\): somebody/m,
    )
    assert.match(shown, /^\| Z02 .* \| does not apply: nobody is there \|$/m)
  })
})

describe('the ids in a title', () => {
  // Put together, so that this file itself names no rows.
  const titled = (ids: string, call = 'it') =>
    `describe('a form', () => {\n  ${call}('[${ids} is refused', () => {})\n})\n`
  const shown = { ids: ['Z01', 'Z02'], file: 'test/some.test.ts', name: 'a form is refused' }

  it('are read with the suites around it', () => {
    assert.deepEqual(tagsIn('test/some.test.ts', titled('Z01, Z02]')), [shown])
  })

  it('may stand on the next line, or in a table from which titles are made', () => {
    const folded = titled('Z01, Z02]').replace('it(', 'it(\n    ')
    assert.deepEqual(tagsIn('test/some.test.ts', folded), [shown])
    const table = titled('Z01, Z02]').replace('it(', '{ name: ')
    assert.deepEqual(tagsIn('test/some.test.ts', table), [shown])
  })

  for (const ids of ['Z1]', 'Z01,Z02]', 'z01]', 'Z01, Z2]', ' Z01]']) {
    it(`have one form, which [${ids} is not`, () => {
      assert.throws(() => tagsIn('test/some.test.ts', titled(ids)), /ids are written/)
    })
  }

  it('do not stand at a test that does not run', () => {
    assert.throws(() => tagsIn('test/some.test.ts', titled('Z01]', 'it.skip')), /does not run/)
  })
})

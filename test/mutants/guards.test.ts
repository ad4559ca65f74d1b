/** `npm run mutants` takes a while, so nobody runs it often. This tells at once when it no longer finds what it breaks. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { ROOT } from '../../src/config/folders.ts'
import { MUTANTS } from './all.ts'

describe('a guard that is broken on purpose', () => {
  for (const file of [...new Set(MUTANTS.flatMap(({ breaks }) => breaks.map((one) => one.file)))]) {
    it(`stands exactly once in ${file}`, () => {
      const text = readFileSync(join(ROOT, file), 'utf8')
      const lost = MUTANTS.flatMap(({ guard, breaks }) =>
        breaks.filter((one) => one.file === file && text.split(one.from).length !== 2).map(({ from }) => [guard, from]),
      )
      assert.deepEqual(lost, [], 'the text that a mutant replaces has moved: look for the guard, and change `from`')
    })
  }

  it('has a test file that notices, and a name of its own', () => {
    for (const { test } of MUTANTS) assert.ok(existsSync(join(ROOT, 'test', `${test}.test.ts`)), test)
    const names = MUTANTS.map(({ guard }) => guard)
    assert.deepEqual(
      names.filter((name, index) => names.indexOf(name) !== index),
      [],
    )
  })

  it('is one of many', () => {
    assert.ok(MUTANTS.length >= 40)
  })
})

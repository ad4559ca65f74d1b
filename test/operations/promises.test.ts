/** SECURITY.md: each promise is a sentence with a link to a test that is there. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readPage, sectionsOf } from '../support/page.ts'
import { faultOf } from '../support/shown-by.ts'

const page = readPage('SECURITY.md')
const lines = page.split('\n').filter((line) => line.startsWith('- '))
const PROMISE = /^- (?<sentence>[^.]+\.)<br>\[(?<title>.+)\]\(test\/(?<file>[a-z/-]+)\.test\.ts\)$/

describe('SECURITY.md', () => {
  it('promises in single sentences, each with its test', () => {
    assert.ok(lines.length >= 50, `${lines.length} promises`)
    const faults = lines.flatMap((line) => {
      const { title, file = '' } = PROMISE.exec(line)?.groups ?? {}
      return title === undefined ? [`no promise with its test: ${line}`] : (faultOf({ file, title }) ?? [])
    })
    assert.deepEqual(faults, [])
  })

  it('promises something under each heading, and nothing twice', () => {
    const parts = sectionsOf(page.slice(page.indexOf('### ')))
    for (const { heading, text } of parts.filter((part) => part.heading !== '')) assert.match(text, /^- /m, heading)
    assert.equal(new Set(lines).size, lines.length)
  })

  it('is short', () => {
    assert.ok(page.split('\n').length < 140)
  })
})

/** The calendar of a plan is one that any program can read (RFC 5545). */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { calendarOf } from '../../src/learning/calendar.ts'
import { CATALOGUE, type Lesson } from '../../src/learning/catalogue.ts'
import { weeksOf } from '../../src/learning/plan.ts'

const NOW = Date.parse('2026-12-02T18:30:07.123Z')
const lesson = (id: string): Lesson => CATALOGUE.byId.get(id) ?? assert.fail(id)
const calendar = (lessons: readonly Lesson[], owner = 'ada', now = NOW) =>
  calendarOf(weeksOf(lessons, 4, now), { owner, now })

/** The lines as a program reads them: unfolded. */
const linesOf = (text: string): string[] =>
  text
    .replace(/\r\n[ \t]/g, '')
    .split('\r\n')
    .slice(0, -1)
const valuesOf = (text: string, name: string): string[] =>
  linesOf(text).flatMap((line) => (line.startsWith(name) ? [line.slice(line.indexOf(':') + 1)] : []))

describe('the calendar', () => {
  it('has an event over all days of its weeks for each lesson', () => {
    assert.deepEqual(linesOf(calendar([lesson('f1'), lesson('r3')])), [
      'BEGIN:VCALENDAR',
      'VERSION:2.0',
      'PRODID:-//Matricula//Plan//EN',
      'CALSCALE:GREGORIAN',
      'METHOD:PUBLISH',
      'X-WR-CALNAME:Physical AI and humanoid robotics',
      'REFRESH-INTERVAL;VALUE=DURATION:P1D',
      'BEGIN:VEVENT',
      ...linesOf(calendar([lesson('f1')])).filter((line) => line.startsWith('UID:')),
      'DTSTAMP:20261202T183007Z',
      'DTSTART;VALUE=DATE:20261130',
      'DTEND;VALUE=DATE:20261207',
      'SUMMARY:Introduction to Physical AI and embodied intelligence',
      'TRANSP:TRANSPARENT',
      'END:VEVENT',
      'BEGIN:VEVENT',
      ...linesOf(calendar([lesson('r3')])).filter((line) => line.startsWith('UID:')),
      'DTSTAMP:20261202T183007Z',
      'DTSTART;VALUE=DATE:20261130',
      'DTEND;VALUE=DATE:20261221',
      'SUMMARY:ROS 2 development environment and your first Python package',
      'TRANSP:TRANSPARENT',
      'END:VEVENT',
      'END:VCALENDAR',
    ])
  })

  it('breaks lines as the standard has it: 75 bytes at most, CRLF, no character in two', () => {
    const title = 'Wände, «Türen»; und Bögen\\: 机器人'.repeat(9)
    const text = calendar([{ ...lesson('f1'), title }, ...CATALOGUE.lessons.slice(1)])
    assert.ok(text.endsWith('END:VCALENDAR\r\n'))
    assert.doesNotMatch(text.replaceAll('\r\n', ''), /[\r\n]/)
    for (const line of text.split('\r\n')) assert.ok(Buffer.byteLength(line) <= 75, line)
    const [summary] = valuesOf(text, 'SUMMARY')
    assert.equal(summary, title.replace(/[\\;,]/g, '\\$&'))
    assert.equal(summary?.replace(/\\([\\;,])/g, '$1'), title)
    assert.equal(valuesOf(calendar([{ ...lesson('f1'), title: 'a\nb\r\nc' }]), 'SUMMARY')[0], 'a\\nb\\nc')
  })

  it('gives each event a name of its own, which stays when its weeks move and is another for somebody else', () => {
    const names = valuesOf(calendar(CATALOGUE.lessons), 'UID')
    assert.equal(new Set(names).size, CATALOGUE.lessons.length)
    assert.deepEqual(
      valuesOf(calendar([lesson('f2'), lesson('f1')], 'ada', NOW + 1e10), 'UID').toReversed(),
      names.slice(0, 2),
    )
    assert.deepEqual(
      valuesOf(calendar(CATALOGUE.lessons, 'ben'), 'UID').filter((name) => names.includes(name)),
      [],
    )
    for (const name of names) assert.match(name, /^[A-Za-z0-9]{20,24}@matricula$/)
  })

  it('of somebody with nothing left is whole and empty', () => {
    assert.deepEqual([linesOf(calendar([])).at(0), linesOf(calendar([])).at(-1)], ['BEGIN:VCALENDAR', 'END:VCALENDAR'])
    assert.equal(valuesOf(calendar([]), 'UID').length, 0)
  })
})

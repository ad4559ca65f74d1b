/** The plan as a calendar that programs can subscribe to (RFC 5545). It holds the titles of lessons and nothing about anybody. */
import { sha256 } from '../base/digest.ts'
import type { Lesson } from './catalogue.ts'
import type { Week } from './plan.ts'

const LINE_BYTES_MAX = 75
const WEEK_MS = 7 * 24 * 60 * 60_000

/**
 * An event for each lesson, over all days of its weeks. An event keeps its name (`UID`) when its weeks move, so that a program
 * moves it too. `owner` tells the events of two calendars apart and cannot be read from their names.
 */
export function calendarOf(weeks: readonly Week[], { owner, now }: { owner: string; now: number }): string {
  const events = new Map<string, { lesson: Lesson; start: Date; end: Date }>()
  for (const { start, lessons } of weeks) {
    const end = new Date(start.getTime() + WEEK_MS)
    for (const { lesson } of lessons) {
      events.set(lesson.id, { lesson, start: events.get(lesson.id)?.start ?? start, end })
    }
  }
  const nameOf = ({ id }: Lesson) => sha256(`${owner} ${id}`).replace(/[-_]/g, '').slice(0, 24)
  return [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Matricula//Plan//EN',
    'CALSCALE:GREGORIAN',
    'METHOD:PUBLISH',
    'X-WR-CALNAME:Physical AI and humanoid robotics',
    'REFRESH-INTERVAL;VALUE=DURATION:P1D',
    ...[...events.values()].flatMap(({ lesson, start, end }) => [
      'BEGIN:VEVENT',
      `UID:${nameOf(lesson)}@matricula`,
      `DTSTAMP:${momentOf(new Date(now))}`,
      `DTSTART;VALUE=DATE:${dayOf(start)}`,
      `DTEND;VALUE=DATE:${dayOf(end)}`,
      `SUMMARY:${escaped(lesson.title)}`,
      'TRANSP:TRANSPARENT',
      'END:VEVENT',
    ]),
    'END:VCALENDAR',
  ]
    .map((line) => `${folded(line)}\r\n`)
    .join('')
}

const dayOf = (date: Date): string => date.toISOString().slice(0, 10).replaceAll('-', '')
const momentOf = (date: Date): string => date.toISOString().replace(/\.\d+/, '').replace(/[-:]/g, '')

/** Text of a value (section 3.3.11). */
const escaped = (text: string): string => text.replace(/[\\;,]/g, '\\$&').replace(/\r?\n/g, '\\n')

/** Breaks a long line between two characters; what follows begins with a space (section 3.1). */
function folded(line: string): string {
  const lines: string[] = []
  let current = ''
  for (const character of line) {
    if (Buffer.byteLength(current + character) > LINE_BYTES_MAX) {
      lines.push(current)
      current = ' '
    }
    current += character
  }
  return [...lines, current].join('\r\n')
}

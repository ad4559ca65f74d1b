/** The lessons of the course are those of the design. A mistake in them stops the start. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CATALOGUE, loadCatalogue, MODULES } from '../../src/learning/catalogue.ts'

/** Id, level/programming, languages, what the lab needs (+ what it can use), prerequisites. */
const TABLE = `
  f1 | 1/0 |                   |                              |
  f2 | 1/0 |                   | + depth_camera               | f1
  r1 | 1/0 |                   |                              | f1
  r2 | 1/1 | python cpp        | ros2_host                    | r1
  r3 | 1/1 | python            | ros2_host                    | r2
  r4 | 2/2 | python            | ros2_host                    | r3
  r5 | 2/1 |                   | ros2_host                    | r3
  r6 | 2/2 | python            | ros2_host                    | r3
  r7 | 2/2 | python            | ros2_host                    | r4 r6
  s1 | 1/1 |                   | sim_host                     | r3
  s2 | 1/1 |                   | sim_host                     | s1 r5
  s3 | 2/1 |                   | sim_host                     | s2
  s4 | 2/1 |                   | sim_host                     | s3
  s5 | 2/2 | python cpp        | sim_host                     | s4 r6
  s6 | 2/2 | python            | sim_host                     | s5 f2
  s7 | 2/2 | csharp            | sim_host + rtx               | s4
  i1 | 2/1 | python            | rtx                          | r3 s4
  i2 | 2/2 | python            | rtx                          | i1
  i3 | 3/2 | python cpp        | rtx + depth_camera jetson    | i2
  i4 | 3/2 | python cpp        | rtx + depth_camera           | i3
  i5 | 3/2 | python cpp        | sim_host + rtx               | s6 r7
  i6 | 3/3 | python cpp        | rtx                          | i4 i5
  i7 | 3/3 | python cpp        | jetson + depth_camera        | i6
  i8 | 3/3 | python            | rtx + robot                  | i2
  e1 | 2/1 | python            | jetson + depth_camera microphone | r3 f2
  h1 | 2/2 | python cpp matlab | sim_host                     | r5
  h2 | 3/3 | python cpp matlab | sim_host + rtx robot         | h1 s6
  h3 | 3/2 | python            | sim_host + robot             | h1 s6
  v1 | 2/2 | python            | ros2_host + microphone rtx   | r7
  v2 | 3/2 | python            | ros2_host + rtx              | v1
  c1 | 2/2 | python            | ros2_host + microphone       | v1
  x1 | 3/3 | python            | sim_host + rtx jetson robot  | v2 i5 h3`

const words = (text = '') => text.split(' ').filter((word) => word !== '')

const ROWS = TABLE.trim()
  .split('\n')
  .map((row) => {
    const [id = '', effort = '', languages, equipment = '', prereqs] = row.split('|').map((cell) => cell.trim())
    const [level = '', coding = ''] = effort.split('/')
    const [needs, uses] = equipment.split('+')
    return {
      id,
      level: Number(level),
      coding: Number(coding),
      languagesAny: words(languages),
      hardware: words(needs),
      hardwareOptional: words(uses),
      prereqs: words(prereqs),
    }
  })

type Item = Record<string, unknown>

const lesson = (id: string, prereqs: string[] = [], more: Item = {}): Item => ({
  id,
  order: 10,
  title: `Lesson ${id}`,
  outcome: 'Do what it is about.',
  size: 'M',
  module: 'ros2',
  weeks: '1',
  level: 1,
  coding: 0,
  languagesAny: [],
  hardware: [],
  hardwareOptional: [],
  focus: [],
  goals: [],
  prereqs,
  ...more,
})

const load = (...items: Item[]) => loadCatalogue({ version: 1, items })

describe('the catalogue', () => {
  it('has the 31 lessons and the capstone of the design, in the order of the course', () => {
    assert.equal(ROWS.length, 32)
    const own = CATALOGUE.lessons.map(
      ({ id, level, coding, languagesAny, hardware, hardwareOptional, prereqs }): (typeof ROWS)[number] => ({
        id,
        level,
        coding,
        languagesAny,
        hardware,
        hardwareOptional,
        prereqs,
      }),
    )
    assert.deepEqual(own, ROWS)
  })

  it('gives each lesson a title of its own, a part of the course and something it is about', () => {
    const { lessons } = CATALOGUE
    assert.equal(new Set(lessons.map(({ title }) => title)).size, 32)
    assert.deepEqual(
      lessons.filter(({ focus, goals }) => focus.length === 0 || goals.length === 0),
      [],
    )
    assert.deepEqual([...new Set(lessons.map(({ module }) => module))], Object.keys(MODULES))
  })

  it('calls nothing but the edge kit a matter of the bench alone', () => {
    assert.deepEqual(
      CATALOGUE.lessons.filter(({ labOnly }) => labOnly).map(({ id }) => id),
      ['e1'],
    )
  })

  it('puts every lesson after all that has to come before it', () => {
    const position = new Map(CATALOGUE.lessons.map(({ id }, index) => [id, index]))
    for (const { id, before } of CATALOGUE.lessons) {
      assert.deepEqual(
        [...before].filter((other) => (position.get(other) ?? Infinity) >= (position.get(id) ?? -1)),
        [],
        id,
      )
    }
    assert.deepEqual([...(CATALOGUE.byId.get('r7')?.before ?? [])].sort(), ['f1', 'r1', 'r2', 'r3', 'r4', 'r6'])
  })

  it('finds each lesson by its id', () => {
    for (const one of CATALOGUE.lessons) assert.equal(CATALOGUE.byId.get(one.id), one)
    assert.equal(CATALOGUE.byId.size, 32)
  })
})

describe('loading a catalogue', () => {
  const whole = [lesson('a1'), lesson('a2', ['a1'], { order: 20 })]
  it('takes one that is whole', () => {
    assert.deepEqual([...load(...whole).byId.keys()], ['a1', 'a2'])
  })

  it('sorts by the order of the course, and by id where that is the same', () => {
    const [a, b, c] = [lesson('a1', [], { order: 20 }), lesson('a2'), lesson('a3')]
    for (const items of [
      [a, b, c],
      [c, b, a],
    ]) {
      assert.deepEqual([...load(...items).byId.keys()], ['a2', 'a3', 'a1'])
    }
  })

  const refused: [what: string, items: Item[], message: RegExp][] = [
    ['an id that stands twice', [...whole, lesson('a2', [], { order: 30 })], /two lessons of the id a2\b/],
    ['a prerequisite that is not there', [...whole, lesson('a3', ['a1', 'z9'])], /^Lesson a3 requires z9,/],
    ['a lesson that requires itself', [lesson('a1', ['a1'])], /^Lesson a1 requires itself$/],
    [
      'a circle behind others',
      [lesson('a1', ['b2']), lesson('b2', ['b3']), lesson('b3', ['b4']), lesson('b4', ['b2'])],
      /^Lesson b[234] requires itself$/,
    ],
    [
      'unknown equipment',
      [lesson('a1', [], { hardware: ['rtx', 'submarine'] })],
      /^Lesson a1: hardware\.1 "submarine"/,
    ],
    ['unknown extra equipment', [lesson('a1', [], { hardwareOptional: ['sonar'] })], /^Lesson a1: .*"sonar"/],
    ['an unknown language', [lesson('a1', [], { languagesAny: ['cobol'] })], /^Lesson a1: .*"cobol"/],
    ['an unknown focus', [lesson('a1', [], { focus: ['chess'] })], /^Lesson a1: .*"chess"/],
    ['an unknown goal', [lesson('a1', [], { goals: ['fame'] })], /^Lesson a1: .*"fame"/],
    ['an unknown part of the course', [lesson('a1', [], { module: 'epilogue' })], /^Lesson a1: module "epilogue"/],
    ['a level beyond three', [lesson('a1', [], { level: 4 })], /^Lesson a1: level 4/],
    ['a lesson without a title', [lesson('a1', [], { title: '' })], /^Lesson a1: title ""/],
    ['a misspelt field', [lesson('a1', [], { prereq: [] })], /^Lesson a1: .*"prereq"/],
    ['an id that no address can hold', [lesson('a/1')], /^Lesson a\/1: id "a\/1"/],
  ]
  for (const [what, items, message] of refused) {
    it(`refuses ${what}, and names it`, () => {
      assert.throws(() => load(...items), { name: 'Error', message })
    })
  }

  it('refuses what is no list of lessons', () => {
    for (const source of [null, [], {}, { version: '1', items: [] }, { version: 1, items: ['a1'] }]) {
      assert.throws(() => loadCatalogue(source), JSON.stringify(source))
    }
  })
})

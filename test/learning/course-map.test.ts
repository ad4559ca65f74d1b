/** The map of the course, computed: whoever reads it finds every lesson, and nothing lies over a name. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CATALOGUE, loadCatalogue } from '../../src/learning/catalogue.ts'
import {
  boxAround,
  boxesOverlap,
  grown,
  isAllowed,
  type Stroke,
  segmentsOf,
  strokeCrosses,
  strokesMeet,
} from '../../src/learning/map/geometry.ts'
import { layOut, type Track, tagText } from '../../src/learning/map/layout.ts'
import { linksOf } from '../../src/learning/map/links.ts'
import { HEIGHT, PLACES, WIDTH } from '../../src/learning/map/plan.ts'
import { brokenLines, textWidth } from '../../src/learning/map/text-width.ts'

const { stations, lines, connectors } = layOut(CATALOGUE)
const tracks: Track[] = [...lines, ...connectors]
const nameOf = ({ from, to }: Pick<Track, 'from' | 'to'>): string => `${from.id}-${to.id}`

/** Half of the width of a stroke. */
const STROKE_RADIUS = 5
const MARK_RADIUS = 10

function pairsOf<Each>(all: readonly Each[]): [Each, Each][] {
  return all.flatMap((one, index) => all.slice(index + 1).map((other): [Each, Each] => [one, other]))
}

describe('the links of the map', () => {
  const links = linksOf(CATALOGUE)

  it('say everything that the prerequisites say, and nothing twice', () => {
    for (const lesson of CATALOGUE.lessons) {
      const reached = new Set<string>()
      const waiting = [lesson.id]
      for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
        for (const { from } of links.filter(({ to }) => to.id === id)) {
          reached.add(from.id)
          waiting.push(from.id)
        }
      }
      assert.deepEqual([...reached].sort(), [...lesson.before].sort(), lesson.id)
    }
    for (const { from, to } of links) {
      const others = links.filter((other) => other.to === to && other.from !== from)
      assert.ok(!others.some((other) => other.from.before.has(from.id)), `${from.id} to ${to.id} follows from others`)
    }
  })

  it('are 25 within modules and 17 between them', () => {
    const within = links.filter(({ from, to }) => from.module === to.module)
    assert.deepEqual([within.length, links.length - within.length], [25, 17])
  })

  it('are each drawn as a line, as a connector or as a tag', () => {
    const drawn = tracks.map(nameOf)
    const tagged = stations.flatMap(({ lesson, needs }) =>
      needs.filter(({ by }) => by === 'tag').map((need) => `${need.lesson.id}-${lesson.id}`),
    )
    assert.deepEqual([...drawn, ...tagged].sort(), links.map(nameOf).sort())
    assert.ok(tagged.length <= 3, `only these are too far away: ${tagged.join(', ')}`)
  })
})

describe('the map', () => {
  it('has a station for every lesson and no other, all of them on the map with their names', () => {
    assert.deepEqual(
      stations.map(({ lesson }) => lesson.id),
      CATALOGUE.lessons.map(({ id }) => id),
    )
    assert.deepEqual(Object.keys(PLACES).sort(), CATALOGUE.lessons.map(({ id }) => id).sort())
    for (const { lesson, box } of stations) {
      assert.ok(box.left >= 0 && box.top >= 0 && box.right <= WIDTH && box.bottom <= HEIGHT, lesson.id)
    }
  })

  it('has strokes in three directions only: across, down and at 45 degrees', () => {
    for (const track of tracks) assert.ok(segmentsOf(track.points).every(isAllowed), nameOf(track))
  })

  it('leads from the one lesson to the other', () => {
    const at = new Map(stations.map(({ lesson, at }) => [lesson.id, at]))
    for (const { from, to, points } of tracks) {
      assert.deepEqual([points[0], points.at(-1)], [at.get(from.id), at.get(to.id)])
    }
    for (const { points } of connectors) assert.equal(points.length, 2, 'a connector is straight')
  })

  it('has no stroke through a name', () => {
    for (const { lesson, box } of stations) {
      const crossing = tracks.filter(({ points }) => strokeCrosses(points, grown(box, STROKE_RADIUS)))
      assert.deepEqual(crossing.map(nameOf), [], lesson.title)
    }
  })

  it('has no name over another, and none over a station', () => {
    for (const [one, other] of pairsOf(stations)) {
      assert.ok(!boxesOverlap(one.box, other.box), `${one.lesson.title} / ${other.lesson.title}`)
    }
    for (const { lesson, box } of stations) {
      const covered = stations.filter(({ at }) => boxesOverlap(box, boxAround(at, MARK_RADIUS)))
      assert.deepEqual(
        covered.map((each) => each.lesson.id),
        [],
        lesson.title,
      )
    }
  })

  it('has no stroke through a station that it does not belong to', () => {
    for (const track of tracks) {
      const passed = stations.filter(
        ({ lesson, at }) =>
          lesson !== track.from && lesson !== track.to && strokeCrosses(track.points, boxAround(at, MARK_RADIUS)),
      )
      assert.deepEqual(
        passed.map(({ lesson }) => lesson.id),
        [],
        nameOf(track),
      )
    }
  })

  it('has at most four crossings of strokes', () => {
    const crossings = pairsOf(tracks).filter(([one, other]) => {
      const apart = ![one.from, one.to].some((lesson) => lesson === other.from || lesson === other.to)
      return apart && strokesMeet(one.points, other.points)
    })
    assert.ok(crossings.length <= 4, crossings.map(([one, other]) => `${nameOf(one)} and ${nameOf(other)}`).join('; '))
  })

  it('is the same at every start', () => {
    assert.deepEqual(layOut(loadCatalogue()).connectors.map(nameOf), connectors.map(nameOf))
  })

  it('refuses a lesson that has no place on it', () => {
    const [first] = CATALOGUE.lessons
    assert.ok(first)
    const { before: _, ...item } = first
    const longer = loadCatalogue({ version: 1, items: [item, { ...item, id: 'z9', order: 999, prereqs: ['f1'] }] })
    assert.throws(() => layOut(longer), /z9 has no place on the map/)
  })
})

describe('a tag', () => {
  it('names a lesson in few words', () => {
    const said = Object.fromEntries(CATALOGUE.lessons.map((lesson) => [lesson.id, tagText(lesson)]))
    const { f1, f2, r5, r6, r7 } = said
    assert.deepEqual(
      { f1, f2, r5, r6, r7 },
      {
        f1: 'needs Introduction to Physical AI',
        f2: 'needs Sensor systems',
        r5: 'needs Describing robots',
        r6: 'needs Launch files',
        r7: 'needs Bridging Python AI agents',
      },
    )
    assert.equal(new Set(Object.values(said)).size, CATALOGUE.lessons.length, 'no two lessons by the same words')
  })
})

describe('the geometry itself', () => {
  const box = { left: 10, top: 10, right: 20, bottom: 20 }
  const cases: [what: string, stroke: Stroke, crosses: boolean][] = [
    [
      'through it',
      [
        [0, 15],
        [30, 15],
      ],
      true,
    ],
    [
      'down through it',
      [
        [15, 0],
        [15, 30],
      ],
      true,
    ],
    [
      'over a corner',
      [
        [5, 20],
        [20, 5],
      ],
      true,
    ],
    [
      'into it',
      [
        [0, 15],
        [15, 15],
      ],
      true,
    ],
    [
      'within it',
      [
        [12, 12],
        [18, 18],
      ],
      true,
    ],
    [
      'around it',
      [
        [0, 0],
        [30, 0],
        [30, 30],
      ],
      false,
    ],
    [
      'up to it',
      [
        [0, 15],
        [9, 15],
      ],
      false,
    ],
  ]
  for (const [what, stroke, crosses] of cases) {
    it(`sees a stroke ${what}`, () => assert.equal(strokeCrosses(stroke, box), crosses))
  }

  it('knows the allowed directions', () => {
    assert.ok(
      isAllowed([
        [0, 0],
        [5, 0],
      ]) &&
        isAllowed([
          [0, 0],
          [0, 5],
        ]) &&
        isAllowed([
          [0, 0],
          [-5, 5],
        ]),
    )
    assert.ok(
      !isAllowed([
        [0, 0],
        [5, 4],
      ]) &&
        !isAllowed([
          [1, 1],
          [1, 1],
        ]),
    )
  })

  it('breaks lines as a browser does, and takes unknown characters as wide', () => {
    assert.deepEqual(brokenLines('Launch files and parameters', 10, 80), ['Launch files', 'and', 'parameters'])
    assert.equal(textWidth('機', 100), 100)
    assert.ok(textWidth('Launch files', 14) > 12 * 14 * 0.5)
  })
})

/** The course as a transit map: geometry only, computed from the catalogue and the plan. Colours are the page's concern. */
import type { Catalogue, Lesson, Module } from '../catalogue.ts'
import {
  type Box,
  boxAround,
  grown,
  isAllowed,
  type Point,
  type Stroke,
  segmentsOf,
  strokeCrosses,
  strokesMeet,
} from './geometry.ts'
import { type Link, linksOf } from './links.ts'
import { PLACES, type Place, type Side } from './plan.ts'
import { brokenLines } from './text-width.ts'

export type Station = {
  lesson: Lesson
  at: Point
  place: Place
  /** The room that its name, the word beside it and its tags take in any usual font. */
  box: Box
  /** Lessons that it builds on, most directly, and how the map says so. */
  needs: Need[]
}

/** `stroke` is a line or a connector; without one, a tag beside the name says what is needed. */
export type Need = { lesson: Lesson; by: 'stroke' | 'tag' }

/** A stroke of the map from a lesson to one that builds on it. */
export type Track = Link & { points: Stroke }

export type CourseMap = {
  stations: readonly Station[]
  /** Within a module: its line. */
  lines: readonly (Track & { module: Module })[]
  /** Between modules. */
  connectors: readonly Track[]
}

/** In the unit of the plan. The stylesheet of the map uses the same. */
export const FONT_SIZE = 14
export const LINE_HEIGHT = 17.5
/** Between the middle of a station and its name. */
const GAP = 20
/** How far below the middle of its station a name ends whose last line is beside it. */
const UP = 5
/** Between a name and the middle of a horizontal stroke. */
const OFF = 9
/** The longest word that may stand beside a name. */
const wordBeside = ({ labOnly }: Lesson): string => (labOnly ? 'Needs equipment' : 'Put aside')
const TAG_SIZE = 12
const TAG_SWATCH = 22
/** Between the middle of a stroke and a name. */
const CLEARANCE = 6
const STATION_RADIUS = 12
const LONGEST_CONNECTOR = 300

/** What a title is cut before, once it has two words. */
const TITLE_END = /^(\S+ .*?)(:|,| and | with | to | for ).*$/

/**
 * Where everything on the map is. A link between modules is drawn where it is straight, short and free of everything else;
 * other links become tags.
 * @throws when a lesson has no place in the plan.
 */
export function layOut(catalogue: Catalogue): CourseMap {
  const links = linksOf(catalogue)
  const placeOf = ({ id }: Lesson): Place => {
    const place = PLACES[id]
    if (place === undefined) throw new Error(`Lesson ${id} has no place on the map: give it one in map/plan.ts`)
    return place
  }
  const lines = links
    .filter(({ from, to }) => from.module === to.module)
    .map(({ from, to }) => {
      const corners = placeOf(to).by?.[from.id] ?? []
      return { from, to, module: to.module, points: [placeOf(from).at, ...corners, placeOf(to).at] }
    })

  const between = links.filter(({ from, to }) => from.module !== to.module)
  const names = catalogue.lessons.map((lesson) => grown(boxOf(lesson, placeOf(lesson), []), CLEARANCE))
  const marks = catalogue.lessons.map((lesson) => ({ lesson, box: boxAround(placeOf(lesson).at, STATION_RADIUS) }))
  const connectors: Track[] = []
  for (const link of between) {
    const points: Stroke = [placeOf(link.from).at, placeOf(link.to).at]
    const isFree =
      segmentsOf(points).every((segment) => isAllowed(segment) && lengthOf(segment) <= LONGEST_CONNECTOR) &&
      !names.some((box) => strokeCrosses(points, box)) &&
      !marks.some(({ lesson, box }) => lesson !== link.from && lesson !== link.to && strokeCrosses(points, box)) &&
      ![...lines, ...connectors].some((track) => !shareEnd(track, link) && strokesMeet(track.points, points))
    if (isFree) connectors.push({ ...link, points })
  }
  const drawn = new Set([...lines, ...connectors].map(({ from, to }) => `${from.id} ${to.id}`))
  const stations = catalogue.lessons.map((lesson): Station => {
    const needs = links
      .filter(({ to }) => to === lesson)
      .map(({ from }): Need => ({ lesson: from, by: drawn.has(`${from.id} ${lesson.id}`) ? 'stroke' : 'tag' }))
    const place = placeOf(lesson)
    return { lesson, at: place.at, place, box: boxOf(lesson, place, needs), needs }
  })
  return { stations, lines, connectors }
}

const shareEnd = (one: Link, other: Link): boolean =>
  [one.from, one.to].some((lesson) => lesson === other.from || lesson === other.to)

const lengthOf = ([[x1, y1], [x2, y2]]: readonly [Point, Point]): number => Math.hypot(x2 - x1, y2 - y1)

/** Says in few words that a lesson is needed. */
export const tagText = ({ title }: Lesson): string => `needs ${title.replace(TITLE_END, '$1')}`

function boxOf(lesson: Lesson, { at: [x, y], side, width, shift = 0 }: Place, needs: readonly Need[]): Box {
  const lines = brokenLines(`${lesson.title} ${wordBeside(lesson)}`, FONT_SIZE, width).length
  const tags = needs.filter(({ by }) => by === 'tag')
  const tagLines = tags.map((need) => brokenLines(tagText(need.lesson), TAG_SIZE, width - TAG_SWATCH).length)
  const height = LINE_HEIGHT * [lines, ...tagLines].reduce((sum, count) => sum + count, 0)
  const left = leftOf(side, x, width) + shift
  const top = topOf(side, y, height)
  return { left, top, right: left + width, bottom: top + height }
}

function leftOf(side: Side, x: number, width: number): number {
  if (side.startsWith('right')) return x + GAP
  if (side.startsWith('left')) return x - GAP - width
  return x - width / 2
}

function topOf(side: Side, y: number, height: number): number {
  if (side === 'above') return y - GAP - height
  if (side === 'below') return y + GAP
  if (side.endsWith('up')) return y + UP - height
  if (side.endsWith('over')) return y - OFF - height
  if (side.endsWith('under')) return y + OFF
  return y - height / 2
}

/**
 * The course as a transit map, with a line for each module and a stop for each lesson. The more lessons come before one,
 * the further right it is.
 */
import { CATALOGUE, type Lesson, MODULES, type Module } from '../../learning/catalogue.ts'

const COLUMN = 66
const STOP_GAP = 34
const LINE_GAP = 46
const MARGIN = 24
const LABEL_HEIGHT = 20

type Stop = { id: string; number: number; x: number; y: number }

export const COURSE_MAP = drawMap()

function depthOf({ prereqs }: Lesson): number {
  const depths = prereqs.map((id) => {
    const lesson = CATALOGUE.byId.get(id)
    return lesson === undefined ? 0 : depthOf(lesson) + 1
  })
  return Math.max(0, ...depths)
}

function drawMap() {
  const { lessons } = CATALOGUE
  const stops = new Map<string, Stop>()
  const lines: { label: string; x: number; y: number; parts: { between: [string, string]; path: string }[] }[] = []
  let top = MARGIN
  for (const [module, label] of Object.entries(MODULES) as [Module, string][]) {
    const ofModule = lessons.filter((lesson) => lesson.module === module)
    const columns = new Map<number, number>()
    const placed = ofModule.map((lesson) => {
      const column = depthOf(lesson)
      const row = columns.get(column) ?? 0
      columns.set(column, row + 1)
      const number = lessons.indexOf(lesson) + 1
      const stop = {
        id: lesson.id,
        number,
        x: MARGIN + column * COLUMN,
        y: top + LABEL_HEIGHT + STOP_GAP / 2 + row * STOP_GAP,
      }
      stops.set(lesson.id, stop)
      return stop
    })
    const xs = placed.map(({ x }) => x)
    const y = top + LABEL_HEIGHT + STOP_GAP / 2
    const onLine = placed.filter((stop) => stop.y === y).sort((a, b) => a.x - b.x)
    const parts = onLine.slice(1).map((stop, index) => {
      const before = onLine[index] ?? stop
      return { between: [before.id, stop.id] as [string, string], path: `M ${before.x} ${y} H ${stop.x}` }
    })
    lines.push({ label, x: Math.min(...xs) - 14, y: top + 10, parts })
    top += LABEL_HEIGHT + STOP_GAP * Math.max(...columns.values()) + LINE_GAP - STOP_GAP
  }
  const edges = lessons.flatMap(({ id, prereqs }) =>
    prereqs.map((prerequisite) => curve(stops.get(prerequisite), stops.get(id))),
  )
  const width = Math.max(...[...stops.values()].map(({ x }) => x)) + MARGIN
  return { width, height: top, lines, edges, stops: [...stops.values()] }
}

function curve(from: Stop | undefined, to: Stop | undefined): string {
  if (!from || !to) return ''
  const bend = Math.max(24, (to.x - from.x) / 2)
  return `M ${from.x} ${from.y} C ${from.x + bend} ${from.y} ${to.x - bend} ${to.y} ${to.x} ${to.y}`
}

/** The course as a transit map: the strokes as SVG, and the stylesheet that puts the list of lessons over them. */
import { CATALOGUE } from '../../../learning/catalogue.ts'
import type { Stroke } from '../../../learning/map/geometry.ts'
import { layOut, type Track, tagText } from '../../../learning/map/layout.ts'
import { HEIGHT, WIDTH } from '../../../learning/map/plan.ts'
import { addToAsset } from '../../middleware/assets.ts'
import { placesAsStyle } from './course-map-style.ts'

const LAYOUT = layOut(CATALOGUE)

addToAsset('course-map.css', placesAsStyle(LAYOUT))

const pathOf = (points: Stroke): string => points.map(([x, y], index) => `${index === 0 ? 'M' : 'L'}${x} ${y}`).join('')

/** A small triangle half way, which points to the lesson that builds on the other. */
function arrowOf(points: Stroke): string {
  const [[x1, y1], [x2, y2]] = [points[0] ?? [0, 0], points.at(-1) ?? [0, 0]]
  const [x, y] = [(x1 + x2) / 2, (y1 + y2) / 2]
  const turned = (Math.atan2(y2 - y1, x2 - x1) * 180) / Math.PI
  const corner = (angle: number, radius: number) => {
    const turn = ((turned + angle) * Math.PI) / 180
    return `${(x + radius * Math.cos(turn)).toFixed(1)} ${(y + radius * Math.sin(turn)).toFixed(1)}`
  }
  return `M${corner(0, 9)}L${corner(125, 8)}L${corner(-125, 8)}Z`
}

const drawn = ({ from, to, points }: Track) => ({ from: from.id, to: to.id, path: pathOf(points) })

/** Lines by module, with one path of all their strokes for the pattern. */
const LINES = [...new Set(LAYOUT.lines.map(({ module }) => module))].map((module) => {
  const strokes = LAYOUT.lines.filter((line) => line.module === module).map(drawn)
  return { module, strokes, path: strokes.map(({ path }) => path).join('') }
})

/** What each lesson needs of other modules, by lesson. The tags of those that connectors show are for the list only. */
const TAGS = Object.fromEntries(
  LAYOUT.stations.map(({ lesson, needs }) => [
    lesson.id,
    needs
      .filter((need) => need.lesson.module !== lesson.module)
      .map((need) => ({ module: need.lesson.module, text: tagText(need.lesson), listOnly: need.by === 'stroke' })),
  ]),
)

/** Lessons that stand beside the line of their module in the list, since the one above does not lead to them. */
const BRANCHES = LAYOUT.stations
  .filter(({ lesson, needs }, index) => {
    const above = LAYOUT.stations[index - 1]?.lesson
    return above?.module === lesson.module && !needs.some((need) => need.lesson === above)
  })
  .map(({ lesson }) => lesson.id)

export const COURSE_MAP = {
  width: WIDTH,
  height: HEIGHT,
  lines: LINES,
  connectors: LAYOUT.connectors.map(drawn),
  arrows: LAYOUT.connectors.map(({ points }) => arrowOf(points)).join(''),
  tags: TAGS,
  branches: new Set(BRANCHES),
}

/**
 * Rules that follow from the layout of the map: where each name stands, and what lights up with it. A stylesheet, because the
 * content policy refuses styles in the page, and because a phone then shows the same list without them.
 */
import type { Box } from '../../../learning/map/geometry.ts'
import { type CourseMap, FONT_SIZE, LINE_HEIGHT, type Station } from '../../../learning/map/layout.ts'
import { HEIGHT, type Side, WIDTH } from '../../../learning/map/plan.ts'

/** Lengths in em, so that the map grows with its font. */
const em = (length: number): string => `${Number((length / FONT_SIZE).toFixed(3))}em`

const at = (id: string): string => `[data-lesson=${id}]`

/** The name by the edge that faces its station, so that a font of another width or height does not move it away. */
function placeRules({ lesson, at: [x, y], place: { side }, box }: Station): string {
  const across = side.startsWith('left')
    ? { name: `right:${em(WIDTH - box.right)};text-align:end`, mark: `right:${em(box.right - x)}`, move: '50%' }
    : { name: `left:${em(box.left)}`, mark: `left:${em(x - box.left)}`, move: '-50%' }
  const down = downRules(side, y, box)
  const name = [`width:${em(box.right - box.left)}`, across.name, down.name]
  if (side === 'above' || side === 'below') name.push('text-align:center')
  const mark = [across.mark, down.mark, `translate:${across.move} ${down.move}`]
  return `.stop${at(lesson.id)}{${name.join(';')}}.stop${at(lesson.id)} .name::before{${mark.join(';')}}`
}

function downRules(side: Side, y: number, { top, bottom }: Box): { name: string; mark: string; move: string } {
  if (side === 'above' || side.endsWith('up') || side.endsWith('over')) {
    return { name: `bottom:${em(HEIGHT - bottom)}`, mark: `bottom:${em(bottom - y)}`, move: '50%' }
  }
  if (side === 'below' || side.endsWith('under')) {
    return { name: `top:${em(top)}`, mark: `top:${em(y - top)}`, move: '-50%' }
  }
  return { name: `top:${em(y)};translate:0 -50%`, mark: 'top:50%', move: '-50%' }
}

/** What lights up with a station under the pointer or with the focus: what it needs and leads to, and the strokes between. */
function lightRules({ stations }: CourseMap): string {
  const links = stations.flatMap(({ lesson }) => lesson.prereqs.map((needed) => ({ needed, lesson: lesson.id })))
  const lit = (id: string) => `.map:has(${at(id)} .name:is(:hover,:focus-visible))`
  const rule = (selectors: readonly string[], style: string) => `${selectors.join(',\n')}{${style}}`
  return [
    rule(
      links.map(({ needed, lesson }) => `${lit(lesson)} ${at(needed)}`),
      '--fill:var(--fill-of-needed)',
    ),
    rule(
      links.map(({ needed, lesson }) => `${lit(needed)} ${at(lesson)}`),
      '--underline:var(--underline-of-led-to)',
    ),
    rule(
      stations.map(({ lesson: { id } }) => `${lit(id)} path:is([data-from=${id}],[data-to=${id}])`),
      '--tint:100%',
    ),
  ].join('\n')
}

/** To be added to `public/course-map.css`. */
export function placesAsStyle(layout: CourseMap): string {
  const scale = `font-size:${Number(((100 * FONT_SIZE) / WIDTH).toFixed(4))}cqi;line-height:${LINE_HEIGHT / FONT_SIZE}`
  return `
@media screen and (min-width: 60rem), print {
.map{width:${em(WIDTH)};height:${em(HEIGHT)};${scale}}
${layout.stations.map(placeRules).join('\n')}
}
${lightRules(layout)}
`
}

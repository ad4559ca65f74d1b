/** Points, strokes and boxes of the map, and which of them meet. The y axis points down, as on a screen. */

export type Point = readonly [x: number, y: number]
/** A line through its points. */
export type Stroke = readonly Point[]
export type Box = { left: number; top: number; right: number; bottom: number }

type Segment = readonly [Point, Point]

export const segmentsOf = (stroke: Stroke): Segment[] =>
  stroke.slice(1).map((point, index) => [stroke[index] ?? point, point])

/** Whether a segment is horizontal, vertical or at 45 degrees, the only directions on the map. */
export function isAllowed([[x1, y1], [x2, y2]]: Segment): boolean {
  const [across, down] = [Math.abs(x2 - x1), Math.abs(y2 - y1)]
  return (across === 0) !== (down === 0) || (across === down && across > 0)
}

const side = ([[x1, y1], [x2, y2]]: Segment, [x, y]: Point): number =>
  Math.sign((x2 - x1) * (y - y1) - (y2 - y1) * (x - x1))

const isWithin = ([[x1, y1], [x2, y2]]: Segment, [x, y]: Point): boolean =>
  x >= Math.min(x1, x2) && x <= Math.max(x1, x2) && y >= Math.min(y1, y2) && y <= Math.max(y1, y2)

const meet = (one: Segment, other: Segment): boolean => {
  const [a, b, c, d] = [side(one, other[0]), side(one, other[1]), side(other, one[0]), side(other, one[1])]
  if (a * b < 0 && c * d < 0) return true
  return (
    (a === 0 && isWithin(one, other[0])) ||
    (b === 0 && isWithin(one, other[1])) ||
    (c === 0 && isWithin(other, one[0])) ||
    (d === 0 && isWithin(other, one[1]))
  )
}

/** Whether two strokes have a point in common. */
export const strokesMeet = (one: Stroke, other: Stroke): boolean =>
  segmentsOf(one).some((segment) => segmentsOf(other).some((another) => meet(segment, another)))

/** The box with a margin around it. */
export const grown = ({ left, top, right, bottom }: Box, by: number): Box => ({
  left: left - by,
  top: top - by,
  right: right + by,
  bottom: bottom + by,
})

export const boxAround = ([x, y]: Point, radius: number): Box => grown({ left: x, top: y, right: x, bottom: y }, radius)

export const boxesOverlap = (one: Box, other: Box): boolean =>
  one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom

/** Whether a stroke passes through a box, or ends in it. */
export function strokeCrosses(stroke: Stroke, { left, top, right, bottom }: Box): boolean {
  const corners: Stroke = [
    [left, top],
    [right, top],
    [right, bottom],
    [left, bottom],
    [left, top],
  ]
  const isInside = ([x, y]: Point) => x > left && x < right && y > top && y < bottom
  return stroke.some(isInside) || strokesMeet(stroke, corners)
}

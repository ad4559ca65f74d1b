/** Draws the rooms of the source and the imports between them, for the README. */
import { filesIn, importsOfSource, type Room, roomOf } from './imports.ts'

const COLOURS = {
  light: { ink: '#1d2430', quiet: '#5b6472', line: '#8a93a3', room: '#ffffff', floor: '#f2f4f7', edge: '#c9cfd8' },
  dark: { ink: '#e8ebf0', quiet: '#a5adba', line: '#6f7887', room: '#1c2129', floor: '#12161c', edge: '#3a424e' },
} as const
export type Scheme = keyof typeof COLOURS

const WIDTH = 1000
const HEIGHT = 672
const ROOM_HEIGHT = 52
const FONT = 'system-ui, -apple-system, Segoe UI, Roboto, sans-serif'

type Box = { x: number; y: number; width: number; height: number }
const room = (x: number, y: number, width: number): Box => ({ x, y, width, height: ROOM_HEIGHT })

const BOXES: Record<Room | 'root', Box> = {
  root: room(280, 16, 300),
  cli: room(850, 206, 110),
  'web/pages': room(60, 112, 190),
  'web/presenters': room(60, 206, 190),
  'web/api': room(600, 112, 190),
  'web/middleware': room(335, 206, 190),
  'web/session': room(335, 300, 190),
  accounts: room(60, 412, 410),
  tokens: room(500, 412, 130),
  learning: room(660, 412, 130),
  limits: room(60, 500, 120),
  mail: room(205, 500, 120),
  sessions: room(350, 500, 120),
  database: room(60, 594, 190),
  config: room(275, 594, 120),
  base: room(420, 594, 120),
}

/** Frames around several rooms. A line to everything in a frame is drawn to the frame. */
const FRAMES: { label: string; box: Box }[] = [
  { label: 'web', box: { x: 40, y: 92, width: 780, height: 280 } },
  { label: 'domain', box: { x: 40, y: 392, width: 920, height: 180 } },
  { label: 'what everybody may import', box: { x: 40, y: 584, width: 920, height: 72 } },
]

/** Where the line from the commands meets the domain: below them. */
const BELOW_CLI: Box = { x: BOXES.cli.x, y: 392, width: BOXES.cli.width, height: ROOM_HEIGHT }

const isWeb = (name: string): boolean => name.startsWith('web/')
const isBelow = (name: string): boolean => ['base', 'config', 'database'].includes(name)

type Edge = [from: Room | 'root', to: Room]

/** Which rooms import which: without lines that a frame stands for, and without those that other lines lead to as well. */
function edges(): Edge[] {
  const found = new Map<string, Edge>()
  for (const { from, to, typeOnly } of importsOfSource()) {
    const [importer, imported] = [roomOf(from), roomOf(to)]
    if (typeOnly || !importer || !imported || imported === 'root' || importer === imported) continue
    const isFrame = (isWeb(importer) && !isWeb(imported)) || ['root', 'cli'].includes(importer) || isBelow(imported)
    if (!isFrame) found.set(`${importer} ${imported}`, [importer, imported])
  }
  const all = [...found.values()]
  const leadsTo = ([from, to]: Edge): boolean =>
    all.some(([start, end]) => start === from && (end === to || leadsTo([end, to])))
  return all.filter(([from, to]) => !all.some(([start, end]) => start === from && end !== to && leadsTo([end, to])))
}

function countOf(name: Room | 'root'): string {
  const files = filesIn('src', '.ts').filter((file) => roomOf(file.slice('src/'.length)) === name)
  return `${files.length} files`
}

function path(from: Box, to: Box): string {
  const [x1, x2] = [from.x + from.width / 2, to.x + to.width / 2]
  // Side by side: straight across. Otherwise from the lower edge of the one to the upper edge of the other.
  if (Math.abs(from.y - to.y) < ROOM_HEIGHT) {
    const [start, end] = x1 < x2 ? [from.x + from.width, to.x] : [from.x, to.x + to.width]
    return `M ${start} ${from.y + from.height / 2} L ${end} ${to.y + to.height / 2}`
  }
  const [y1, y2] = [from.y + from.height, to.y]
  const bend = (y2 - y1) / 2
  return `M ${x1} ${y1} C ${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}`
}

/** The picture as SVG. The same source always gives the same text. */
export function drawHouse(scheme: Scheme): string {
  const { ink, quiet, line, room, floor, edge } = COLOURS[scheme]
  const frames = FRAMES.map(
    ({ label, box: { x, y, width, height } }) =>
      `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="10" fill="${floor}"/>` +
      `<text x="${x + width - 12}" y="${y + height - 10}" text-anchor="end" font-size="12" fill="${quiet}">${label}</text>`,
  )
  const between: [Box, Box][] = [
    [BOXES.root, FRAMES[0]?.box ?? BOXES.root],
    [FRAMES[0]?.box ?? BOXES.root, FRAMES[1]?.box ?? BOXES.root],
    [BOXES.root, BOXES.cli],
    [BOXES.cli, BELOW_CLI],
  ]
  const arrows = [...between, ...edges().map(([from, to]): [Box, Box] => [BOXES[from], BOXES[to]])].map(
    ([from, to]) =>
      `<path d="${path(from, to)}" fill="none" stroke="${line}" stroke-width="1.5" marker-end="url(#arrow)"/>`,
  )
  const rooms = (Object.keys(BOXES) as (Room | 'root')[]).map((name) => {
    const { x, y, width, height } = BOXES[name]
    const label = name === 'root' ? 'app, server, cli, deps, housekeeping' : name.replace('web/', '')
    return (
      `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="8" fill="${room}" stroke="${edge}"/>` +
      `<text x="${x + width / 2}" y="${y + 23}" text-anchor="middle" font-size="15" font-weight="600" fill="${ink}">${label}</text>` +
      `<text x="${x + width / 2}" y="${y + 41}" text-anchor="middle" font-size="12" fill="${quiet}">${countOf(name)}</text>`
    )
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" font-family="${FONT}">
<title>The rooms of the source and the imports between them</title>
<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M 0 0 L 8 4 L 0 8 z" fill="${line}"/></marker></defs>
${[...frames, ...arrows, ...rooms].join('\n')}
</svg>
`
}

/**
 * Where each lesson stands on the map, set by hand like the stations of a transit map: a program cannot judge what is
 * pleasant to look at. `layout.ts` makes the rest from it and refuses a lesson without a place; a test refuses a plan in
 * which something crosses a name. The unit is a pixel on a map that is drawn in its full width.
 */
import type { Point } from './geometry.ts'

export const WIDTH = 1024
export const HEIGHT = 1096

/**
 * On which side of its station a name stands. `up` has its last line beside the station, above a stroke that leaves at 45
 * degrees; `over` and `under` are above and below a horizontal one.
 */
export type Side = 'above' | 'below' | `${'right' | 'left'}${'' | ' up' | ' over' | ' under'}`

export type Place = {
  at: Point
  side: Side
  /** The room for the name. */
  width: number
  /** Moves a name above or below along its station. */
  shift?: number
  /** Corners of the stroke that comes from another lesson of the module, by the id of that lesson. */
  by?: Record<string, readonly Point[]>
}

export const PLACES: Readonly<Record<string, Place>> = {
  f1: { at: [208, 48], side: 'left', width: 184 },
  f2: { at: [208, 128], side: 'left', width: 184 },
  e1: { at: [208, 216], side: 'left', width: 184 },

  r1: { at: [256, 48], side: 'right', width: 200 },
  r2: { at: [256, 128], side: 'right', width: 200 },
  r3: { at: [256, 216], side: 'right up', width: 210 },
  r4: {
    at: [208, 464],
    side: 'left',
    width: 170,
    by: {
      r3: [
        [256, 328],
        [208, 376],
      ],
    },
  },
  r5: { at: [432, 440], side: 'below', width: 190, shift: -62, by: { r3: [[256, 264]] } },
  r6: { at: [256, 704], side: 'right under', width: 190 },
  r7: { at: [256, 784], side: 'right', width: 190, by: { r4: [[208, 736]] } },

  s1: { at: [320, 280], side: 'right up', width: 250 },
  s2: { at: [480, 440], side: 'right up', width: 180 },
  s3: { at: [528, 532], side: 'left', width: 180, by: { s2: [[528, 488]] } },
  s4: { at: [528, 600], side: 'left', width: 200 },
  s5: { at: [528, 704], side: 'left over', width: 220 },
  s6: { at: [528, 800], side: 'right over', width: 150 },
  s7: { at: [584, 544], side: 'right', width: 150 },

  i1: { at: [576, 600], side: 'below', width: 112, shift: 26 },
  i2: { at: [760, 600], side: 'below', width: 176, shift: -8 },
  i3: {
    at: [872, 672],
    side: 'right',
    width: 132,
    by: {
      i2: [
        [836, 600],
        [872, 636],
      ],
    },
  },
  i4: { at: [872, 752], side: 'right', width: 132 },
  i5: { at: [744, 800], side: 'above', width: 150, shift: 30 },
  i6: {
    at: [872, 896],
    side: 'right',
    width: 132,
    by: {
      i5: [
        [784, 800],
        [872, 888],
      ],
    },
  },
  i7: { at: [872, 976], side: 'right', width: 132 },
  i8: { at: [840, 520], side: 'right', width: 164 },

  h1: { at: [392, 912], side: 'below', width: 190, shift: -10 },
  h2: { at: [480, 848], side: 'left up', width: 210, by: { h1: [[416, 912]] } },
  h3: { at: [640, 912], side: 'below', width: 150, shift: -75 },

  v1: { at: [208, 784], side: 'left', width: 184 },
  v2: {
    at: [448, 1016],
    side: 'below',
    width: 200,
    by: {
      v1: [
        [208, 932],
        [292, 1016],
      ],
    },
  },
  c1: { at: [208, 984], side: 'left', width: 184 },

  x1: { at: [744, 1016], side: 'below', width: 200 },
}

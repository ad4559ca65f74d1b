/** `npm run draw`: draws the pictures of the house in `docs/` anew, from the imports as they are. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../src/config/folders.ts'
import { drawHouse } from './support/house.ts'

for (const scheme of ['light', 'dark'] as const) {
  writeFileSync(join(ROOT, `docs/house-${scheme}.svg`), drawHouse(scheme))
}

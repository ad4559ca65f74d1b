/**
 * `npm run live-run`: `test/python/live-run.test.ts` at its full length, about four minutes, with its figures. `-- --short`
 * takes less than one.
 */
import { pythonEnvironment } from '../support/python.ts'

const FILE = 'test/python/live-run.test.ts'

process.env.LIVE_RUN = process.argv.includes('--short') ? 'short' : 'full'
const { missing } = await pythonEnvironment([FILE])
if (missing) {
  // A test is left out without a Python that serves; who asks for this one should hear of it.
  console.error(missing)
  process.exit(1)
}
process.argv.splice(2, process.argv.length, FILE)
await import('../run.ts')

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fuzz } from './sequences.ts'
import { startFuzzed } from './world.ts'

const app = await startFuzzed()
const {
  FUZZ_RUNS = '200',
  FUZZ_SEED,
  FUZZ_PATH: path,
  FUZZ_REPLAY: replay,
  FUZZ_RACES = '2',
  FUZZ_STEPS = '36',
  FUZZ_ONLY: only = '',
} = process.env
/** Another seed each time; a failure names it. */
const seed = FUZZ_SEED === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(FUZZ_SEED)

test(`whatever people do, in whatever order, everybody is in where they should be (seed ${seed})`, async (t) => {
  const { failure, ...tally } = await fuzz(app, {
    runs: Number(FUZZ_RUNS),
    seed,
    maxSteps: Number(FUZZ_STEPS),
    races: Number(FUZZ_RACES),
    only,
    ...(path === undefined ? {} : { path }),
    ...(replay === undefined ? {} : { replay }),
  })
  t.diagnostic(`${tally.sequences} sequences, ${tally.steps} steps, ${tally.races} races`)
  assert.equal(failure, undefined, failure)
})

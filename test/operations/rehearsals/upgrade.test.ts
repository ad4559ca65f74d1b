/** From the version before to this one and back, under load, without a moment in which nobody answers. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { SECRET } from '../../support/app.ts'
import { createEmptyDatabase } from '../../support/database.ts'
import { eventually, startProgram } from '../../support/process.ts'
import { check, gather } from './crowd.ts'
import { buildPreviousVersion, previousCommit } from './previous-version.ts'
import { isRehearsal, sayTable } from './report.ts'
import { startSite } from './site.ts'

const PEOPLE = isRehearsal ? 20 : 3
/** What people do, through its pages and its API. */
const JOURNEYS = [
  'journeys/account',
  'journeys/onboarding',
  'journeys/lesson',
  'journeys/new-device',
  'web/pages/',
  'web/api/contract',
]

const commit = await previousCommit()
const skip = commit === undefined && 'needs the history of the repository'

it('[F28] the version before goes on beside this one on its schema, and can come back', { skip }, async () => {
  const before = await buildPreviousVersion(commit ?? '')
  const environment = { DATABASE_URL: await createEmptyDatabase() }
  const first = startProgram([before.cli, 'migrate'], { NODE_ENV: 'test', APP_SECRETS: SECRET, ...environment })
  assert.equal((await first.ended()).code, 0, first.written.err)

  const site = await startSite(environment, { file: before.server })
  const crowd = gather(site)
  const more = async () => {
    const goal = crowd.signedUp() + PEOPLE
    await eventually('more people', () => crowd.signedUp() >= goal)
  }
  await more()
  assert.match(await site.command(['migrate']), /\d+ applied/)
  await more()
  await site.roll({ environment }, more)
  await more()
  await site.roll({ environment, file: before.server }, more)
  await more()
  await crowd.leave()
  const { checked, lost } = await check(site, crowd.lives)
  sayTable(`From ${commit} to this version and back on two servers`, [
    ['answered', crowd.counts.answered],
    ['asked again', crowd.counts.again],
    ['people', checked],
    ['lost of what they were answered', lost.length],
  ])
  assert.deepEqual(crowd.surprises, [])
  assert.deepEqual(lost, [])
  assert.equal(crowd.counts.again, 0)
})

it('the tests of the version before pass on the schema of this one', {
  skip: skip || (!isRehearsal && 'takes minutes: npm run rehearse -- upgrade'),
}, async () => {
  const before = await buildPreviousVersion(commit ?? '')
  const count = await before.testOnNewSchema(JOURNEYS)
  sayTable(`The tests of ${commit} on the schema of this version`, [[JOURNEYS.join(' '), count]])
  assert.match(count, / 0 failed$/)
})

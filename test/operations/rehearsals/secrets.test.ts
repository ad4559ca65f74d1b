/** New APP_SECRETS while people sign up, log in and work: on two servers, in the order that docs/operations.md gives. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { SECRET } from '../../support/app.ts'
import { createDatabase } from '../../support/database.ts'
import { eventually } from '../../support/process.ts'
import { check, gather } from './crowd.ts'
import { isRehearsal, sayTable } from './report.ts'
import { startSite } from './site.ts'

const NEW = 'the-next-secret-of-this-site-9876543210'
const PEOPLE = isRehearsal ? 12 : 3

it('a new secret logs nobody out and loses no password', async () => {
  const settings = { DATABASE_URL: await createDatabase() }
  const site = await startSite({ ...settings, APP_SECRETS: SECRET })
  const crowd = gather(site)
  const more = async () => {
    const goal = crowd.signedUp() + PEOPLE
    await eventually('more people', () => crowd.signedUp() >= goal)
  }
  await more()
  // A server that knows one secret alone must never meet what another has made with the other.
  await site.roll({ environment: { ...settings, APP_SECRETS: `${SECRET},${NEW}` } }, more)
  await more()
  await site.roll({ environment: { ...settings, APP_SECRETS: `${NEW},${SECRET}` } }, more)
  await more()
  await crowd.leave()
  // Each logs in, which hashes their password anew.
  const kept = await check(site, crowd.lives)
  const oldest = crowd.lives.slice(0, PEOPLE)
  const welcomed = await check(site, oldest, { sessions: false })
  await site.command(['secrets', 'rotate'])

  await site.roll({ environment: { ...settings, APP_SECRETS: NEW } })
  const without = await check(site, oldest, { sessions: false })
  sayTable('APP_SECRETS changed on two servers', [
    ['answered', crowd.counts.answered],
    ['asked again', crowd.counts.again],
    ['people', crowd.signedUp()],
    ['lost with both secrets', kept.lost.length + welcomed.lost.length],
    ['lost of those who have logged in since, without the old one', without.lost.length],
  ])
  assert.deepEqual(crowd.surprises, [])
  assert.deepEqual([...kept.lost, ...welcomed.lost], [])
  assert.deepEqual(without.lost, [])
})

/** The database is lost under load and comes back as it was at a point in time, by the commands of docs/operations.md. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { after, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { createDb } from '../../../src/database/database.ts'
import { migrate } from '../../../src/database/migrate.ts'
import { blockOf } from '../../support/pages.ts'
import { eventually } from '../../support/process.ts'
import { check, gather } from './crowd.ts'
import { openFolder, whyNot } from './postgres.ts'
import { isRehearsal, sayTable } from './report.ts'
import { startSite } from './site.ts'

const PEOPLE = isRehearsal ? 25 : 4
/** So that what happens after the point can be told from what happened before. */
const APART_MS = 1_000

const block = (name: string) => blockOf('docs/operations.md', name)

it('a database that was lost comes back as it was at a point in time', { skip: whyNot() }, async () => {
  const folder = await openFolder()
  await folder.initialise('first')
  const archive = folder.makeFolder('archive')
  const places = { BACKUP: folder.at('backup'), ARCHIVE: archive, PGDATA: folder.at('second') }
  const settings = Object.fromEntries(
    [...block('archive.conf').matchAll(/^(\w+) = '?(.*?)'?$/gm)].map(([, name = '', value = '']) => [
      name,
      value.replaceAll('/var/backups/matricula/archive', archive),
    ]),
  )
  const first = await folder.start('first', { ...settings, archive_timeout: '2s' })
  await first.admin`create database matricula`
  await migrate(first.url)
  const site = await startSite({ DATABASE_URL: first.url }, { count: 1 })
  const crowd = gather(site)
  const more = async () => {
    const goal = crowd.signedUp() + PEOPLE
    await eventually('more people', () => crowd.signedUp() >= goal)
  }
  await more()
  await folder.run('sh', ['-euc', block('backup')], { ...first.environment, ...places })
  await more()
  const [{ now: point } = assert.fail()] = await first.admin<{ now: Date }[]>`select clock_timestamp() as now`
  const [{ segment } = assert.fail()] = await first.admin<{ segment: string }[]>`
    select pg_walfile_name(pg_current_wal_lsn()) as segment`
  await sleep(APART_MS)
  await more()
  await crowd.leave()
  await eventually('the log of that time to be in the archive', async () => {
    const [row] = await first.admin<{ last: string }[]>`select last_archived_wal as last from pg_stat_archiver`
    return (row?.last ?? '') >= segment
  })
  await first.lose()
  rmSync(folder.at('first'), { recursive: true })

  const lostAt = Date.now()
  await folder.run('sh', ['-euc', block('restore')], { ...places, POINT: point.toISOString().replace('Z', '+00') })
  const second = await folder.start('second')
  await eventually('the server to take writes', async () => {
    const [row] = await second.admin<{ standby: boolean }[]>`select pg_is_in_recovery() as standby`
    return row?.standby === false
  })
  const seconds = (Date.now() - lostAt) / 1_000
  await site.roll({ environment: { DATABASE_URL: second.url } })

  const until = point.getTime()
  const { checked, lost } = await check(site, crowd.lives, { until })
  const keys = createLocalJWKSet(await (await fetch(`${site.url}/api/auth/jwks`)).json())
  const tokens = crowd.lives.flatMap(({ token, markedAt = Number.POSITIVE_INFINITY }) =>
    token !== undefined && markedAt < until ? [token] : [],
  )
  for (const token of tokens) await jwtVerify(token, keys)
  const afterwards = crowd.lives.filter(({ beganAt }) => beganAt > until).map(({ person }) => person.email)
  const client = createDb({ url: second.url, poolMax: 1 })
  after(() => client.close())
  const [{ later } = assert.fail()] = await client.sql<{ later: number }>`
    select count(*)::int as later from all_users where email = any(string_to_array(${afterwards.join(' ')}, ' '))`
  sayTable('The database lost under load, and restored to a point in time', [
    ['people who had signed up before the point', checked],
    ['lost of what they were answered', lost.length],
    ['access tokens of before that still verify', tokens.length],
    ['people who came after the point: all, and those that are there', `${afterwards.length}, ${later}`],
    ['seconds until the server takes writes again', seconds.toFixed(1)],
  ])
  assert.ok(checked >= 2 * PEOPLE, String(checked))
  assert.ok(tokens.length > 0)
  assert.deepEqual(crowd.surprises, [])
  assert.deepEqual(lost, [])
  assert.ok(afterwards.length > 0)
  assert.equal(later, 0)
})

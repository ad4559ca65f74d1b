/** The server of the database is lost under load, and its replica takes over by the commands of docs/operations.md. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { migrate } from '../../../src/database/migrate.ts'
import { blockOf } from '../../support/pages.ts'
import { eventually } from '../../support/process.ts'
import { check, gather } from './crowd.ts'
import { openFolder, whyNot } from './postgres.ts'
import { isRehearsal, sayTable } from './report.ts'
import { startSite } from './site.ts'

const PEOPLE = isRehearsal ? 25 : 4

const block = (name: string) => blockOf('docs/operations.md', name)

it('a replica that takes over has all that anybody was answered', { skip: whyNot() }, async () => {
  const folder = await openFolder()
  await folder.initialise('first')
  const first = await folder.start('first')
  await first.admin`create database matricula`
  await migrate(first.url)
  const { PGHOST, PGPORT, PGUSER, PGPASSWORD } = first.environment
  await folder.run('sh', ['-euc', block('replica')], {
    PRIMARY: `host=${PGHOST} port=${PGPORT} user=${PGUSER} password=${PGPASSWORD}`,
    PGDATA: folder.at('second'),
  })
  const second = await folder.start('second')
  const [, standbys = ''] = /^synchronous_standby_names = '(.*)'$/m.exec(block('replica.conf')) ?? []
  await first.admin.unsafe(`alter system set synchronous_standby_names = '${standbys}'`)
  await first.admin`select pg_reload_conf()`
  await eventually('the replica to commit at the same time', async () => {
    const [row] = await first.admin<{ state: string }[]>`select sync_state as state from pg_stat_replication`
    return row?.state === 'sync'
  })

  const site = await startSite({ DATABASE_URL: first.url })
  const crowd = gather(site)
  const more = async () => {
    const goal = crowd.signedUp() + PEOPLE
    await eventually('more people', () => crowd.signedUp() >= goal)
  }
  await more()
  const lostAt = Date.now()
  await first.lose()
  await folder.run('sh', ['-euc', block('promote')], { ...second.environment, PGDATABASE: 'postgres' })
  await site.roll({ environment: { DATABASE_URL: second.url } })
  await more()
  const firstAnswer = Math.min(
    ...crowd.lives.flatMap(({ signedUpAt = 0, markedAt = 0 }) => [signedUpAt, markedAt].filter((at) => at > lostAt)),
  )
  await crowd.leave()
  const { checked, lost } = await check(site, crowd.lives)
  sayTable('The server of the database lost under load, its replica promoted, the servers started anew one by one', [
    ['answered', crowd.counts.answered],
    ['asked again, while nobody could be answered', crowd.counts.again],
    ['people', checked],
    ['lost of what they were answered', lost.length],
    ['seconds until something new was answered', ((firstAnswer - lostAt) / 1_000).toFixed(1)],
  ])
  assert.deepEqual(lost, [])
  assert.deepEqual(crowd.surprises, [])
})

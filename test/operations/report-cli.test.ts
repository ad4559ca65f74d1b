/** The `report` command, run by an operator beside the server: how many learners got how far. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { apiLearner } from '../support/api.ts'
import { SECRET, startApp } from '../support/app.ts'
import { createDatabase, createEmptyDatabase } from '../support/database.ts'
import { startProgram } from '../support/process.ts'

async function cli(databaseUrl: string, ...args: string[]) {
  const program = startProgram(['dist/cli.js', ...args], {
    NODE_ENV: 'test',
    APP_SECRETS: SECRET,
    DATABASE_URL: databaseUrl,
  })
  const { code } = await program.ended()
  const { out, err } = program.written
  assert.ok(!(out + err).includes(SECRET), 'the secret is printed')
  assert.doesNotMatch(out + err, /^ +at /m)
  return { code, out, err }
}

const lines = (...rows: string[]) => `${rows.join('\n')}\n`

describe('report', { concurrency: 2 }, () => {
  it('prints how many came how far, and their share of those who signed up', async () => {
    const app = await startApp({}, { atPublicUrl: true })
    const people = []
    for (const name of ['Ada', 'Ben', 'Carl', 'Dora', 'Eve', 'Finn']) people.push(await apiLearner(app, name))
    const [ada, ben, carl] = people
    for (const who of [ada, ben]) await who?.api.put('/api/profile', { primaryFocus: 'isaac' })
    await carl?.api.put('/api/profile', {})
    await ada?.api.put('/api/progress/f1', { state: 'done' })

    const before = await app.sql`select * from profiles order by user_id`
    assert.deepEqual(await cli(app.databaseUrl, 'report'), {
      code: 0,
      err: '',
      out: lines(
        'signed up                6  100.0 %',
        'began onboarding         3   50.0 %',
        'finished it              2   33.3 %',
        'skipped all of it        1   16.7 %',
        'marked a lesson          1   16.7 %',
      ),
    })
    assert.deepEqual(await app.sql`select * from profiles order by user_id`, before)
  })

  it('prints zeros and no shares where nobody has signed up', async () => {
    assert.deepEqual(await cli(await createDatabase(), 'report'), {
      code: 0,
      err: '',
      out: lines(
        'signed up                0',
        'began onboarding         0',
        'finished it              0',
        'skipped all of it        0',
        'marked a lesson          0',
      ),
    })
  })

  it('says in one line that a database without tables is of no use', async () => {
    const { code, out, err } = await cli(await createEmptyDatabase(), 'report')
    assert.deepEqual({ code, out }, { code: 78, out: '' })
    assert.match(err, /^.+\n$/)
  })

  it('is among the commands that the usage names', async () => {
    for (const args of [[], ['report', 'everything'], ['reports']]) {
      const { code, out, err } = await cli(await createDatabase(), ...args)
      assert.deepEqual({ code, out }, { code: 64, out: '' })
      assert.match(err, /^(Usage: node dist\/cli\.js| ) report\b/m)
    }
  })
})

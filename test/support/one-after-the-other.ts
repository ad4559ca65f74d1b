/** Requests that meet in the database in a known order. */
import assert from 'node:assert/strict'
import postgres from 'postgres'
import type { TestApp } from './app.ts'
import type { Person } from './people.ts'
import { eventually } from './process.ts'

/**
 * Starts these while the row of their learner is locked, each when those before it wait, and then lets them go on. `meanwhile`
 * changes something before they do.
 */
export async function oneAfterTheOther<Answer>(
  { databaseUrl, sql }: Pick<TestApp, 'databaseUrl' | 'sql'>,
  { email }: Pick<Person, 'email'>,
  requests: (() => PromiseLike<Answer>)[],
  meanwhile?: (transaction: postgres.TransactionSql) => Promise<unknown>,
): Promise<Answer[]> {
  const direct = postgres(databaseUrl, { max: 1, onnotice: () => {} })
  const answers: PromiseLike<Answer>[] = []
  try {
    await direct.begin(async (transaction) => {
      await transaction`select 1 from users where email = ${email} for update`
      for (const request of requests) {
        answers.push(request().then((answer) => answer))
        await eventually('them to wait', async () => {
          const [{ waiting } = assert.fail('no count')] = await sql<{ waiting: number }>`
            select count(*)::int as waiting from pg_stat_activity
            where wait_event_type = 'Lock' and datname = current_database()`
          return waiting >= answers.length
        })
      }
      await meanwhile?.(transaction)
    })
    return await Promise.all(answers)
  } finally {
    await direct.end()
  }
}

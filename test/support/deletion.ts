/** Deletes or changes an account while a request by its owner, or about it, is running. */
import assert from 'node:assert/strict'
import postgres from 'postgres'
import type { TestApp } from './app.ts'
import { eventually } from './process.ts'

type Direct = postgres.TransactionSql

/** Deletes the account with this address. The request is sent after the delete ran and before it is committed. */
export const duringDeletion = <Sent>(
  app: Pick<TestApp, 'databaseUrl' | 'sql'>,
  email: string,
  request: () => PromiseLike<Sent>,
): Promise<Sent> => duringChange(app, (direct) => direct`delete from users where email = ${email}`, request)

/** The same for any other change for which the request must wait. */
export async function duringChange<Sent>(
  app: Pick<TestApp, 'databaseUrl' | 'sql'>,
  change: (direct: Direct) => PromiseLike<unknown>,
  request: () => PromiseLike<Sent>,
): Promise<Sent> {
  const direct = postgres(app.databaseUrl, { max: 1, onnotice: () => {} })
  try {
    const waiting = async () => {
      const blocked = await app.sql`
        select 1 as one from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
      return blocked.length > 0
    }
    let answered: Promise<Sent> | undefined
    await direct.begin(async (transaction) => {
      await change(transaction)
      answered = Promise.resolve(request())
      await eventually('the request to wait for the change', waiting)
    })
    return await (answered ?? assert.fail())
  } finally {
    await direct.end()
  }
}

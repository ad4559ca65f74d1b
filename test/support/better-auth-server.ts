/** The real Better Auth, served on a port of its own until the tests of the file are over. */
import { createServer } from 'node:http'
import { after } from 'node:test'
import type { BetterAuthOptions } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { toNodeHandler } from 'better-auth/node'
import type pg from 'pg'

type Auth = { options: BetterAuthOptions; handler: (request: Request) => Promise<Response> }

export async function serveBetterAuth(auth: Auth, { pool, port }: { pool: pg.Pool; port: number }): Promise<void> {
  const { runMigrations } = await getMigrations(auth.options)
  await runMigrations()
  const server = createServer(toNodeHandler(auth))
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  after(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await pool.end()
  })
}

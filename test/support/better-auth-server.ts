/** The real Better Auth, served on a port of its own until the tests of the file are over. */
import { createServer } from 'node:http'
import { after } from 'node:test'
import { type BetterAuthPlugin, betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { toNodeHandler } from 'better-auth/node'
import pg from 'pg'
import { freePort } from '../../src/database/embedded/port.ts'
import { createEmptyDatabase } from './database.ts'

/** `plugin` is told where it will be. */
export async function serveBetterAuth(
  plugin: (url: string) => BetterAuthPlugin,
): Promise<{ url: string; pool: pg.Pool }> {
  const pool = new pg.Pool({ connectionString: await createEmptyDatabase(), max: 2 })
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const auth = betterAuth({
    baseURL: url,
    appName: 'Matricula',
    secret: 'a-secret-of-better-auth-0123456789abcdef',
    database: pool,
    emailAndPassword: { enabled: true },
    plugins: [plugin(url)],
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    logger: { disabled: true },
  })
  const { runMigrations } = await getMigrations(auth.options)
  await runMigrations()
  const server = createServer(toNodeHandler(auth))
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  after(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await pool.end()
  })
  return { url, pool }
}

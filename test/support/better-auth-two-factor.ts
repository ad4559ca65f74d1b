/** The real Better Auth with its `twoFactor` plugin, on a port of its own. */
import { betterAuth } from 'better-auth'
import { twoFactor } from 'better-auth/plugins'
import pg from 'pg'
import { freePort } from '../../src/database/embedded/port.ts'
import { serveBetterAuth } from './better-auth-server.ts'
import { createEmptyDatabase } from './database.ts'

export async function openTwoFactorSite(): Promise<{ url: string }> {
  const pool = new pg.Pool({ connectionString: await createEmptyDatabase(), max: 2 })
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const auth = betterAuth({
    baseURL: url,
    appName: 'Matricula',
    secret: 'a-secret-of-better-auth-0123456789abcdef',
    database: pool,
    emailAndPassword: { enabled: true },
    plugins: [twoFactor()],
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    logger: { disabled: true },
  })
  await serveBetterAuth(auth, { pool, port })
  return { url }
}

/** The real Better Auth with its `emailOTP` plugin, on a port of its own, set up as this server behaves. */
import { betterAuth } from 'better-auth'
import { emailOTP } from 'better-auth/plugins'
import pg from 'pg'
import { freePort } from '../../src/database/embedded/port.ts'
import { serveBetterAuth } from './better-auth-server.ts'
import { createEmptyDatabase } from './database.ts'

/** `codes` are those that it has mailed, the newest last. */
export async function openEmailOtpSite(): Promise<{
  url: string
  codes: { email: string; otp: string }[]
  expire: () => Promise<unknown>
}> {
  const pool = new pg.Pool({ connectionString: await createEmptyDatabase(), max: 2 })
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const codes: { email: string; otp: string }[] = []
  const auth = betterAuth({
    baseURL: url,
    appName: 'Matricula',
    secret: 'a-secret-of-better-auth-0123456789abcdef',
    database: pool,
    emailAndPassword: { enabled: true },
    plugins: [
      emailOTP({
        expiresIn: 600,
        allowedAttempts: 5,
        disableSignUp: true,
        sendVerificationOTP: async ({ email, otp }) => void codes.push({ email, otp }),
      }),
    ],
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    logger: { disabled: true },
  })
  await serveBetterAuth(auth, { pool, port })
  const expire = () => pool.query(`update verification set "expiresAt" = now() - interval '1 minute'`)
  return { url, codes, expire }
}

/** The real Better Auth with its `emailOTP` plugin, on a port of its own, set up as this server behaves. */
import { emailOTP } from 'better-auth/plugins'
import { serveBetterAuth } from './better-auth-server.ts'

/** `codes` are those that it has mailed, the newest last. */
export async function openEmailOtpSite(): Promise<{
  url: string
  codes: { email: string; otp: string }[]
  expire: () => Promise<unknown>
}> {
  const codes: { email: string; otp: string }[] = []
  const { url, pool } = await serveBetterAuth(() =>
    emailOTP({
      expiresIn: 600,
      allowedAttempts: 5,
      disableSignUp: true,
      sendVerificationOTP: async ({ email, otp }) => void codes.push({ email, otp }),
    }),
  )
  const expire = () => pool.query(`update verification set "expiresAt" = now() - interval '1 minute'`)
  return { url, codes, expire }
}

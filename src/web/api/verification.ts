import { z } from 'zod'
import { type Endpoint, endpoint, Redirect } from '../endpoint.ts'
import type { Origins } from '../origins.ts'
import { Refusal } from '../refusals.ts'
import { CallbackUrl, Done, EmailAddress, User } from '../wire.ts'

export function verificationEndpoints(origins: Origins): Endpoint[] {
  return [
    endpoint({
      method: 'post',
      path: '/api/auth/send-verification-email',
      summary: 'Switched off until this server can send mail',
      body: z.object({ email: EmailAddress, callbackURL: CallbackUrl.optional() }),
      answer: Done,
      refusals: ['VERIFICATION_EMAIL_NOT_ENABLED'],
      handle: () => new Refusal('VERIFICATION_EMAIL_NOT_ENABLED'),
    }),

    endpoint({
      method: 'get',
      path: '/api/auth/verify-email',
      summary: 'Where a link of a mail leads to. No mail is sent yet, so no token is good.',
      query: z.object({ token: z.string(), callbackURL: CallbackUrl.optional() }),
      redirects: true,
      answer: z.object({ status: z.literal(true), user: User.nullable() }),
      refusals: ['INVALID_TOKEN', 'INVALID_CALLBACK_URL'],
      handle({ req, query: { callbackURL } }) {
        if (!callbackURL) return new Refusal('INVALID_TOKEN')
        if (!origins.mayLeadTo(req, callbackURL)) return new Refusal('INVALID_CALLBACK_URL')
        return new Redirect(withError(callbackURL))
      },
    }),
  ]
}

/** A relative address stays relative. */
function withError(address: string): string {
  const [rest = '', fragment] = address.split('#', 2)
  const separator = rest.includes('?') ? '&' : '?'
  return `${rest}${separator}error=INVALID_TOKEN${fragment === undefined ? '' : `#${fragment}`}`
}

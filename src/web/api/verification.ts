import { z } from 'zod'
import { lookAtLink, requestEmailChange, requestLink } from '../../accounts/by-mail.ts'
import type { Deps } from '../../deps.ts'
import { isConfirmed } from '../auth.ts'
import { deviceOf } from '../device.ts'
import { type Endpoint, endpoint, learnerEndpoint, Redirect } from '../endpoint.ts'
import { linkTo } from '../mailed-links.ts'
import { Refusal } from '../refusals.ts'
import { CallbackUrl, Done, EmailAddress } from '../wire.ts'

const PAGE = '/email-verification'
const PURPOSES = ['verify-email', 'change-email'] as const

export function verificationEndpoints(deps: Deps): Endpoint[] {
  return [
    endpoint({
      method: 'post',
      path: '/api/auth/send-verification-email',
      access: 'visitor',
      summary: 'Mail a link to confirm an address. Signed in, only for one’s own; else the answer is always the same.',
      body: z.object({ email: EmailAddress, callbackURL: CallbackUrl.optional() }),
      answer: Done,
      leadsTo: 'callbackURL',
      refusals: ['VERIFICATION_EMAIL_NOT_ENABLED', 'EMAIL_MISMATCH', 'EMAIL_ALREADY_VERIFIED', 'RATE_LIMITED'],
      async handle({ req, learner, body: { email, callbackURL } }) {
        if (!deps.mail.enabled) return new Refusal('VERIFICATION_EMAIL_NOT_ENABLED')
        if (learner && learner.user.email !== email) return new Refusal('EMAIL_MISMATCH')
        if (learner?.user.emailVerified) return new Refusal('EMAIL_ALREADY_VERIFIED')
        const asked = await requestLink(deps, {
          purpose: 'verify-email',
          email,
          device: deviceOf(req),
          linkTo: linkTo(deps, PAGE, callbackURL),
        })
        return asked.ok ? { status: true } : new Refusal('RATE_LIMITED', asked)
      },
    }),

    endpoint({
      method: 'get',
      path: '/api/auth/verify-email',
      summary:
        'Where a link of a mail leads to: on to the page whose button confirms the address, or on to `callbackURL` with `error`. Uses nothing up.',
      query: z.object({ token: z.string(), callbackURL: CallbackUrl.optional() }),
      redirects: true,
      leadsTo: 'callbackURL',
      refusals: ['INVALID_TOKEN', 'TOKEN_EXPIRED', 'RATE_LIMITED'],
      async handle({ req, query: { token, callbackURL } }) {
        const look = await lookAtLink(deps, { token, purposes: PURPOSES, ip: req.ip ?? '' })
        if (!look.ok && look.reason === 'too-many-tries') return new Refusal('RATE_LIMITED', look)
        if (look.ok && look.link.state === 'good') return new Redirect(linkTo(deps, PAGE, callbackURL)(token))
        const error = look.ok && look.link.state === 'expired' ? 'TOKEN_EXPIRED' : 'INVALID_TOKEN'
        return callbackURL ? new Redirect(withError(callbackURL, error)) : new Refusal(error)
      },
    }),

    learnerEndpoint({
      method: 'post',
      path: '/api/auth/change-email',
      summary:
        'Mail a link to a new address, which becomes that of the account when it is confirmed there. One that is taken gets the same answer.',
      body: z.object({ newEmail: EmailAddress, callbackURL: CallbackUrl.optional() }),
      answer: Done,
      leadsTo: 'callbackURL',
      refusals: ['CHANGE_EMAIL_DISABLED', 'EMAIL_IS_THE_SAME', 'SESSION_NOT_FRESH', 'RATE_LIMITED'],
      async handle({ req, learner: { user, handle }, body: { newEmail, callbackURL } }) {
        if (!deps.mail.enabled) return new Refusal('CHANGE_EMAIL_DISABLED')
        if (newEmail === user.email) return new Refusal('EMAIL_IS_THE_SAME')
        if (!isConfirmed(req, deps)) return new Refusal('SESSION_NOT_FRESH')
        const asked = await requestEmailChange(deps, user, {
          email: newEmail,
          handle,
          device: deviceOf(req),
          linkTo: linkTo(deps, PAGE, callbackURL),
        })
        return asked.ok ? { status: true } : new Refusal('RATE_LIMITED', asked)
      },
    }),
  ]
}

/** A relative address stays relative. */
function withError(address: string, error: string): string {
  const [rest = '', fragment] = address.split('#', 2)
  const separator = rest.includes('?') ? '&' : '?'
  return `${rest}${separator}error=${error}${fragment === undefined ? '' : `#${fragment}`}`
}

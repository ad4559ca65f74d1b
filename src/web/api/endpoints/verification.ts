import type { Request } from 'express'
import { z } from 'zod'
import { requestEmailChange } from '../../../accounts/email-change.ts'
import { isDone, type Link, lookAtLink } from '../../../accounts/links/email-links.ts'
import { confirmAddress, requestVerification } from '../../../accounts/links/email-verification.ts'
import type { Deps } from '../../../deps.ts'
import { deviceOf } from '../../session/device.ts'
import { isConfirmed, isStepped } from '../../session/identity.ts'
import { linkTo } from '../../session/opened-links.ts'
import { type Endpoint, endpoint, learnerEndpoint, Redirect } from '../endpoint.ts'
import { Refusal } from '../refusals.ts'
import { CallbackUrl, Done, EmailAddress } from '../wire.ts'

const PAGE = '/email-verification'
const PURPOSES = ['verify-email', 'change-email'] as const

export function verificationEndpoints(deps: Deps): Endpoint[] {
  /**
   * Confirms the address of a link, for a session of its account: without one, the account may have been made by somebody
   * else, and the page has to ask. It is fine if that was done before. Returns the refusal, or undefined.
   */
  async function confirm(req: Request, token: string, link: Link, userId: string | undefined) {
    if (isDone(link)) return undefined
    if (link.state === 'good' && userId === undefined) return new Refusal('SIGN_IN_TO_CONFIRM')
    if (link.state === 'good' && userId !== link.user.id) return new Refusal('INVALID_USER')
    const used = await confirmAddress(deps, token, { link, device: deviceOf(req) })
    if (used.ok) return undefined
    return new Refusal(used.reason === 'expired' ? 'TOKEN_EXPIRED' : 'INVALID_TOKEN')
  }

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
        const asked = await requestVerification(deps, {
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
      access: 'visitor',
      summary:
        'Where a link of a mail leads to. A person is led on to the page whose button confirms the address, or to `callbackURL` with `error`, and nothing is used up. A program, known by `Accept: application/json` or by `Sec-Fetch-Mode`, confirms the address by the call, with the session cookie of the account.',
      query: z.object({ token: z.string(), callbackURL: CallbackUrl.optional() }),
      answer: Done,
      redirects: true,
      leadsTo: 'callbackURL',
      refusals: ['INVALID_TOKEN', 'TOKEN_EXPIRED', 'INVALID_USER', 'SIGN_IN_TO_CONFIRM', 'RATE_LIMITED'],
      async handle({ req, learner, query: { token, callbackURL } }) {
        const look = await lookAtLink(deps, { token, purposes: PURPOSES, ip: req.ip ?? '' })
        if (!look.ok && look.reason === 'too-many-tries') return new Refusal('RATE_LIMITED', look)
        const byProgram = isProgram(req)
        if (look.ok && byProgram) return (await confirm(req, token, look.link, learner?.user.id)) ?? { status: true }
        if (look.ok && look.link.state === 'good') return new Redirect(linkTo(deps, PAGE, callbackURL)(token))
        const error = look.ok && look.link.state === 'expired' ? 'TOKEN_EXPIRED' : 'INVALID_TOKEN'
        return callbackURL && !byProgram ? new Redirect(withError(callbackURL, error)) : new Refusal(error)
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
        if (!isConfirmed(req, deps) || !isStepped(req, deps)) return new Refusal('SESSION_NOT_FRESH')
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

/**
 * Whether a script asks, like Better Auth's client, and not somebody who follows a link: a script has no use for a page.
 * Programs that scan mails for bad links open them as a browser does, or send neither of these headers.
 */
function isProgram(req: Request): boolean {
  const mode = req.get('Sec-Fetch-Mode')
  if (mode !== undefined) return ['cors', 'same-origin'].includes(mode)
  return req.accepts(['html', 'json']) === 'json'
}

/** The address with `error` in its query. A relative address stays relative. */
function withError(address: string, error: string): string {
  const [rest = '', fragment] = address.split('#', 2)
  const separator = rest.includes('?') ? '&' : '?'
  return `${rest}${separator}error=${error}${fragment === undefined ? '' : `#${fragment}`}`
}

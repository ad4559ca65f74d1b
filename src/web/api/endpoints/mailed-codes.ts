/** Codes by mail, with the calls of Better Auth's `emailOTP` plugin. */
import type { Request, Response } from 'express'
import { z } from 'zod'
import { Email, newPassword, newPasswordOf } from '../../../accounts/fields.ts'
import { confirmAddressByCode } from '../../../accounts/links/email-verification.ts'
import { resetPasswordByCode } from '../../../accounts/links/password-reset.ts'
import { requestCode } from '../../../accounts/mailed-codes/code-request.ts'
import { loginByCode } from '../../../accounts/mailed-codes/login-by-code.ts'
import {
  CODE_PURPOSES,
  type CodePurpose,
  type CodeRefusal,
  tryCode,
} from '../../../accounts/mailed-codes/mailed-codes.ts'
import { findCredentials } from '../../../accounts/users.ts'
import type { Deps } from '../../../deps.ts'
import { deviceOf } from '../../session/device.ts'
import { hangUpOf } from '../../session/hang-up.ts'
import { enter } from '../../session/identity.ts'
import { codeRequestOf, forgetCodeRequest, keepCodeRequest } from '../../session/mailed-code.ts'
import { linkTo } from '../../session/opened-links.ts'
import { type Endpoint, endpoint } from '../endpoint.ts'
import { passwordRefusal, Refusal } from '../refusals.ts'
import { EmailToSignIn, PasswordToSet, SECOND_STEP, SecondStep, Success, toUser, User } from '../wire.ts'

const Type = z.enum([...CODE_PURPOSES, 'change-email'])
const Otp = z.string().meta({ description: 'The six digits of the mail' })
const OF_CODES = ['INVALID_OTP', 'OTP_EXPIRED', 'TOO_MANY_ATTEMPTS', 'RATE_LIMITED'] as const

function refusalOf(refused: CodeRefusal): Refusal {
  if (refused.reason === 'too-many-tries') return new Refusal('RATE_LIMITED', refused)
  if (refused.reason === 'expired') return new Refusal('OTP_EXPIRED')
  return new Refusal(refused.reason === 'exhausted' ? 'TOO_MANY_ATTEMPTS' : 'INVALID_OTP')
}

export function mailedCodeEndpoints(deps: Deps): Endpoint[] {
  const { passwordMinLength } = deps.config

  /** Mails a code to an address, and gives this client its own part of it. */
  async function mailCode(req: Request, res: Response, { email, type }: { email: string; type: CodePurpose }) {
    if (!deps.mail.enabled) return new Refusal('OTP_MAIL_NOT_SET_UP')
    const address = Email.safeParse(email)
    if (!address.success) return new Refusal('INVALID_EMAIL')
    const asked = await requestCode(deps, {
      ...{ purpose: type, email: address.data, device: deviceOf(req) },
      linkTo: type === 'sign-in' ? linkTo(deps, '/login/code') : undefined,
    })
    if (!asked.ok) return new Refusal('RATE_LIMITED', asked)
    keepCodeRequest(res, deps, asked.request)
    return { success: true }
  }

  const attemptOf = (req: Request, { email, otp }: { email: string; otp: string }) => ({
    ...{ request: codeRequestOf(req, deps), code: otp, device: deviceOf(req) },
    email: Email.safeParse(email).data ?? email,
  })

  const forReset = (path: string, summary: string) =>
    endpoint({
      method: 'post',
      path,
      logsIn: true,
      summary,
      body: z.object({ email: EmailToSignIn }),
      answer: Success,
      refusals: ['INVALID_EMAIL', 'OTP_MAIL_NOT_SET_UP', 'RATE_LIMITED'],
      handle: ({ req, res, body: { email } }) => mailCode(req, res, { email, type: 'forget-password' }),
    })

  return [
    endpoint({
      method: 'post',
      path: '/api/auth/email-otp/send-verification-otp',
      logsIn: true,
      summary:
        'Mail a code, if the address has an account; the answer is the same if not. It is good for this client only.',
      body: z.object({ email: EmailToSignIn, type: Type }),
      answer: Success,
      refusals: ['INVALID_EMAIL', 'OTP_TYPE_INVALID', 'OTP_MAIL_NOT_SET_UP', 'RATE_LIMITED'],
      handle({ req, res, body: { email, type } }) {
        if (type === 'change-email') return new Refusal('OTP_TYPE_INVALID')
        return mailCode(req, res, { email, type })
      },
    }),

    endpoint({
      method: 'post',
      path: '/api/auth/email-otp/check-verification-otp',
      summary: 'Whether a code is right. A wrong one counts as a try; a right one stays good.',
      body: z.object({ email: EmailToSignIn, type: Type, otp: Otp }),
      answer: Success,
      refusals: ['INVALID_EMAIL', ...OF_CODES],
      async handle({ req, body: { type, ...given } }) {
        if (!Email.safeParse(given.email).success) return new Refusal('INVALID_EMAIL')
        if (type === 'change-email') return new Refusal('INVALID_OTP')
        const tried = await tryCode(deps, { ...attemptOf(req, given), purpose: type })
        return tried.ok ? { success: true } : refusalOf(tried)
      },
    }),

    endpoint({
      method: 'post',
      path: '/api/auth/sign-in/email-otp',
      access: 'visitor',
      logsIn: true,
      summary: 'Sign in by a code of a mail. An address that was not confirmed is then, and its password is gone.',
      body: z.object({ email: EmailToSignIn, otp: Otp }),
      answer: z.union([z.object({ token: z.string(), user: User }), SecondStep]),
      refusals: [...OF_CODES, 'BANNED_USER'],
      async handle({ req, res, body }) {
        const login = await loginByCode(deps, attemptOf(req, body))
        if (!login.ok && login.reason === 'suspended') return new Refusal('BANNED_USER')
        if (!login.ok) return refusalOf(login)
        const { user, passwordVersion } = login
        forgetCodeRequest(res, deps)
        const how = { amr: ['otp'], passwordVersion, remembered: true, beside: true } as const
        const entered = await enter(req, res, deps, user, how)
        return entered.ok ? { token: entered.handle, user: toUser(user) } : SECOND_STEP
      },
    }),

    endpoint({
      method: 'post',
      path: '/api/auth/email-otp/verify-email',
      access: 'visitor',
      summary: 'Confirm one’s own address by a code, signed in to its account',
      body: z.object({ email: EmailToSignIn, otp: Otp }),
      answer: z.object({ status: z.literal(true), token: z.null(), user: User }),
      refusals: ['INVALID_EMAIL', 'SIGN_IN_TO_CONFIRM', 'INVALID_USER', ...OF_CODES],
      async handle({ req, res, learner, body }) {
        const address = Email.safeParse(body.email)
        if (!address.success) return new Refusal('INVALID_EMAIL')
        // Somebody else may have made the account, and would have it confirmed by whoever reads the mailbox.
        if (learner === undefined) return new Refusal('SIGN_IN_TO_CONFIRM')
        const { user } = learner
        if (user.email !== address.data) return new Refusal('INVALID_USER')
        const tried = await tryCode(deps, { ...attemptOf(req, body), purpose: 'email-verification' })
        if (!tried.ok) return refusalOf(tried)
        const isDone = await confirmAddressByCode(deps, tried.proof, { user, device: deviceOf(req) })
        if (!isDone) return new Refusal('INVALID_OTP')
        forgetCodeRequest(res, deps)
        return { status: true, token: null, user: toUser({ ...user, emailVerified: true }) }
      },
    }),

    forReset(
      '/api/auth/email-otp/request-password-reset',
      'Mail a code for a new password, if the address has an account; the answer is the same if not',
    ),
    forReset('/api/auth/forget-password/email-otp', 'The former address of `email-otp/request-password-reset`'),

    endpoint({
      method: 'post',
      path: '/api/auth/email-otp/reset-password',
      summary: 'Set a new password by a code, once. All sessions end; nobody is signed in.',
      body: z.object({ email: EmailToSignIn, otp: Otp, password: PasswordToSet(passwordMinLength) }),
      answer: Success,
      refusals: ['INVALID_EMAIL', 'PASSWORD_TOO_SHORT', 'PASSWORD_TOO_LONG', 'PASSWORD_COMPROMISED', ...OF_CODES],
      async handle({ req, res, body }) {
        const address = Email.safeParse(body.email)
        if (!address.success) return new Refusal('INVALID_EMAIL')
        const allowed = newPassword(passwordMinLength).safeParse(body.password)
        if (!allowed.success) return passwordRefusal(allowed.error, 'password')
        const tried = await tryCode(deps, { ...attemptOf(req, body), purpose: 'forget-password' })
        if (!tried.ok) return refusalOf(tried)
        const user = (await findCredentials(deps.sql, address.data))?.user
        if (user === undefined) return new Refusal('INVALID_OTP')
        // Only whoever has a right code may learn that a password is the learner's own name.
        const own = newPasswordOf(user, passwordMinLength).safeParse(body.password)
        if (!own.success) return passwordRefusal(own.error, 'password')
        const reset = await resetPasswordByCode(deps, tried.proof, {
          ...{ user, password: allowed.data, device: deviceOf(req), signal: hangUpOf(res) },
        })
        if (!reset.ok) return new Refusal(reset.reason === 'breached' ? 'PASSWORD_COMPROMISED' : 'INVALID_OTP')
        forgetCodeRequest(res, deps)
        return { success: true }
      },
    }),
  ]
}

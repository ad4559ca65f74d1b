/** The second step, with the calls of Better Auth's `twoFactor` plugin. */
import type { Request, Response } from 'express'
import { z } from 'zod'
import { confirmPassword } from '../../../accounts/passwords/password-check.ts'
import { type CodeCheck, confirmCode, takeLoginCode } from '../../../accounts/second-step/codes.ts'
import type { Ticket } from '../../../accounts/second-step/login-tickets.ts'
import { newRecoveryCodes } from '../../../accounts/second-step/recovery-codes.ts'
import {
  beginSecondStep,
  findSetUp,
  maySetUp,
  renewRecoveryCodes,
  switchSecondStepOn,
} from '../../../accounts/second-step/second-steps.ts'
import { switchSecondStepOff } from '../../../accounts/second-step/switching-off.ts'
import { uriOf } from '../../../accounts/second-step/totp.ts'
import type { User as Account } from '../../../accounts/users.ts'
import type { Deps } from '../../../deps.ts'
import { deviceOf } from '../../session/device.ts'
import { hangUpOf } from '../../session/hang-up.ts'
import { type Amr, BOTH_STEPS, enter, isStepped, logOut, markStepped, renewSession } from '../../session/identity.ts'
import { forgetTicket, skipSecondStep, ticketOf } from '../../session/second-step.ts'
import type { SignedIn } from '../bearer.ts'
import { type Endpoint, endpoint, learnerEndpoint } from '../endpoint.ts'
import { Refusal } from '../refusals.ts'
import { Done, toUser, User } from '../wire.ts'
import { refuseWrongPassword } from '../wrong-password.ts'

const Password = z.object({ password: z.string() })
const Enable = Password.extend({
  method: z.enum(['totp', 'otp']).optional().meta({ description: '`otp`, codes by mail, is refused' }),
  issuer: z.string().max(100).optional().meta({ description: 'What the app shows' }),
})
const Code = z.object({
  code: z.string(),
  trustDevice: z.boolean().optional().meta({ description: 'Whether this device skips the second step for 30 days' }),
})
const Entered = z.object({ token: z.string(), user: User })

export function secondStepEndpoints(deps: Deps): Endpoint[] {
  /** The refusal of a wrong password; undefined if it is right. */
  async function passwordRefused(req: Request, res: Response, user: Account, password: string) {
    const attempt = { password, device: deviceOf(req), signal: hangUpOf(res) }
    const confirmation = await confirmPassword(deps, user, attempt)
    return confirmation.ok ? undefined : refuseWrongPassword(req, res, deps, confirmation)
  }

  /** A code in an open session. Guessing there ends it. */
  async function codeInSession(req: Request, res: Response, { user, handle }: SignedIn, code: string, kind: Kind) {
    const check = await confirmCode(deps, user, { code, device: deviceOf(req) })
    if (!check.ok && check.reason === 'too-many-tries') await logOut(req, res, deps)
    if (!check.ok) return refusalOf(check, kind)
    await markStepped(req, deps)
    return { token: handle, user: toUser(user) }
  }

  /** The code that ends a login. */
  async function codeAtLogin(req: Request, res: Response, { code, trustDevice = false }: Attempt, kind: Kind) {
    const ticket = await ticketOf(req, deps)
    if (ticket === undefined) return new Refusal('INVALID_TWO_FACTOR_COOKIE')
    const check = await takeLoginCode(deps, ticket, { code, device: deviceOf(req) })
    if (!check.ok) return refusalOf(check, kind)
    return goIn(req, res, ticket, trustDevice)
  }

  async function goIn(req: Request, res: Response, ticket: Ticket, trustDevice: boolean) {
    const { user, passwordVersion, remembered } = ticket
    forgetTicket(res, deps)
    if (trustDevice) await skipSecondStep(req, res, deps, ticket)
    const amr = [...(ticket.amr as Amr[]), ...BOTH_STEPS]
    const entered = await enter(req, res, deps, user, { amr, passwordVersion, remembered, beside: true })
    return entered.ok ? { token: entered.handle, user: toUser(user) } : new Refusal('INVALID_TWO_FACTOR_COOKIE')
  }

  return [
    learnerEndpoint({
      method: 'post',
      path: '/api/auth/two-factor/enable',
      summary: 'Begin to set up a second step. It is on once `verify-totp` has taken a first code.',
      body: Enable,
      answer: z.object({ method: z.literal('totp'), totpURI: z.string(), backupCodes: z.array(z.string()) }),
      refusals: [
        'INVALID_PASSWORD',
        'OTP_NOT_CONFIGURED',
        'TOTP_ALREADY_ENABLED',
        'EMAIL_NOT_VERIFIED',
        'RATE_LIMITED',
      ],
      async handle({ req, res, learner: { user }, body: { password, method, issuer } }) {
        const refused = await passwordRefused(req, res, user, password)
        if (refused) return refused
        if (method === 'otp') return new Refusal('OTP_NOT_CONFIGURED')
        if (!maySetUp(deps, user)) return new Refusal('EMAIL_NOT_VERIFIED')
        const backupCodes = newRecoveryCodes()
        const secret = await beginSecondStep(deps, user, backupCodes)
        if (secret === undefined) return new Refusal('TOTP_ALREADY_ENABLED')
        const totpURI = uriOf(secret, { email: user.email, ...(issuer ? { issuer } : {}) })
        return { method: 'totp', totpURI, backupCodes }
      },
    }),

    learnerEndpoint({
      method: 'post',
      path: '/api/auth/two-factor/get-totp-uri',
      summary: 'The secret once more, while it is being set up and never after',
      body: Password,
      answer: z.object({ totpURI: z.string() }),
      refusals: ['INVALID_PASSWORD', 'TOTP_NOT_ENABLED', 'TOTP_ALREADY_ENABLED', 'RATE_LIMITED'],
      async handle({ req, res, learner: { user }, body: { password } }) {
        if (user.secondStep) return new Refusal('TOTP_ALREADY_ENABLED')
        const secret = await findSetUp(deps, user)
        if (secret === undefined) return new Refusal('TOTP_NOT_ENABLED')
        const refused = await passwordRefused(req, res, user, password)
        return refused ?? { totpURI: uriOf(secret, user) }
      },
    }),

    endpoint({
      method: 'post',
      path: '/api/auth/two-factor/verify-totp',
      access: 'visitor',
      logsIn: true,
      summary:
        'A code of the app: ends a login, switches on what is being set up, or shows in an open session that it is the learner',
      body: Code,
      answer: Entered,
      refusals: ['INVALID_CODE', 'INVALID_TWO_FACTOR_COOKIE', 'TOTP_NOT_ENABLED', 'ACCOUNT_TEMPORARILY_LOCKED'],
      async handle({ req, res, learner, body }) {
        if (!isSignedIn(learner)) return codeAtLogin(req, res, body, 'app')
        const { user, handle } = learner
        if (user.secondStep) return codeInSession(req, res, learner, body.code, 'app')
        const on = await switchSecondStepOn(deps, user, {
          ...{ code: body.code, handle, device: deviceOf(req), keepCodes: true },
        })
        if (!on.ok && on.reason === 'too-many-tries') return new Refusal('ACCOUNT_TEMPORARILY_LOCKED', on)
        if (!on.ok) return new Refusal(on.reason === 'wrong' ? 'INVALID_CODE' : 'TOTP_NOT_ENABLED')
        const token = await renewSession(req, on.user, deps, { passwordVersion: on.passwordVersion, amr: BOTH_STEPS })
        return { token, user: toUser(user) }
      },
    }),

    endpoint({
      method: 'post',
      path: '/api/auth/two-factor/verify-backup-code',
      access: 'visitor',
      logsIn: true,
      summary: 'A recovery code in place of a code of the app. It is used up by it.',
      body: Code.extend({ disableSession: z.literal(false).optional() }),
      answer: Entered,
      refusals: [
        'INVALID_BACKUP_CODE',
        'INVALID_TWO_FACTOR_COOKIE',
        'BACKUP_CODES_NOT_ENABLED',
        'ACCOUNT_TEMPORARILY_LOCKED',
      ],
      async handle({ req, res, learner, body }) {
        if (!isSignedIn(learner)) return codeAtLogin(req, res, body, 'recovery')
        if (!learner.user.secondStep) return new Refusal('BACKUP_CODES_NOT_ENABLED')
        return codeInSession(req, res, learner, body.code, 'recovery')
      },
    }),

    learnerEndpoint({
      method: 'post',
      path: '/api/auth/two-factor/generate-backup-codes',
      summary: 'Ten new recovery codes; the former ones are worthless. Within 10 minutes of a code.',
      body: Password,
      answer: z.object({ status: z.literal(true), backupCodes: z.array(z.string()) }),
      refusals: ['INVALID_PASSWORD', 'TWO_FACTOR_NOT_ENABLED', 'SESSION_NOT_FRESH', 'RATE_LIMITED'],
      async handle({ req, res, learner: { user }, body: { password } }) {
        if (!user.secondStep) return new Refusal('TWO_FACTOR_NOT_ENABLED')
        const refused = await passwordRefused(req, res, user, password)
        if (refused) return refused
        if (!isStepped(req, deps)) return new Refusal('SESSION_NOT_FRESH')
        const backupCodes = await renewRecoveryCodes(deps, user, deviceOf(req))
        return backupCodes ? { status: true, backupCodes } : new Refusal('TWO_FACTOR_NOT_ENABLED')
      },
    }),

    learnerEndpoint({
      method: 'post',
      path: '/api/auth/two-factor/disable',
      summary: 'Switch the second step off. Within 10 minutes of a code.',
      body: Password,
      answer: Done,
      refusals: ['INVALID_PASSWORD', 'SESSION_NOT_FRESH', 'RATE_LIMITED'],
      async handle({ req, res, learner: { user }, body: { password } }) {
        const refused = await passwordRefused(req, res, user, password)
        if (refused) return refused
        if (!isStepped(req, deps)) return new Refusal('SESSION_NOT_FRESH')
        await switchSecondStepOff(deps, user, deviceOf(req))
        return { status: true }
      },
    }),
  ]
}

type Kind = 'app' | 'recovery'
type Attempt = z.output<typeof Code>

const isSignedIn = (learner: { session?: unknown } | undefined): learner is SignedIn => learner?.session !== undefined

/** A code that was taken before is just wrong here, as in the contract. */
function refusalOf(check: Exclude<CodeCheck, { ok: true }>, kind: Kind): Refusal {
  if (check.reason === 'too-many-tries') return new Refusal('ACCOUNT_TEMPORARILY_LOCKED', check)
  if (check.reason === 'over') return new Refusal('INVALID_TWO_FACTOR_COOKIE')
  return new Refusal(kind === 'app' ? 'INVALID_CODE' : 'INVALID_BACKUP_CODE')
}

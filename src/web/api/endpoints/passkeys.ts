/** Passkeys, with the calls of Better Auth's `passkey` plugin. */
import type { Request } from 'express'
import { z } from 'zod'
import { DisplayName } from '../../../accounts/fields.ts'
import { Assertion, Registration } from '../../../accounts/passkeys/credentials.ts'
import { logInByPasskey, optionsToLogIn } from '../../../accounts/passkeys/passkey-login.ts'
import {
  addPasskey,
  listPasskeys,
  optionsToAdd,
  removePasskey,
  renamePasskey,
  type Passkey as Stored,
} from '../../../accounts/passkeys/passkeys.ts'
import { maySetUp } from '../../../accounts/second-step/second-steps.ts'
import { deviceName } from '../../../base/device-name.ts'
import type { Deps } from '../../../deps.ts'
import { findOwnSession } from '../../../sessions/sessions.ts'
import { deviceOf } from '../../session/device.ts'
import { byPasskey, enter, isConfirmed, isStepped } from '../../session/identity.ts'
import { browserOf, heldBrowser } from '../../session/passkey.ts'
import { type Endpoint, endpoint, learnerEndpoint } from '../endpoint.ts'
import { Refusal } from '../refusals.ts'
import { Done, Session, toSession, toUser, User } from '../wire.ts'

const Passkey = z
  .object({
    name: z.string(),
    publicKey: z.string().meta({ description: 'COSE, in base64' }),
    userId: z.string(),
    credentialID: z.string(),
    counter: z.number(),
    deviceType: z.enum(['singleDevice', 'multiDevice']),
    backedUp: z.boolean(),
    transports: z.string().meta({ description: 'With commas between them' }),
    createdAt: z.iso.datetime(),
    aaguid: z.string(),
    id: z.string(),
  })
  .meta({ id: 'Passkey' })

const toPasskey = (one: Stored) => ({
  name: one.name,
  publicKey: Buffer.from(one.publicKey, 'base64url').toString('base64'),
  userId: one.userId,
  credentialID: one.credentialId,
  counter: Number(one.signCount),
  deviceType: one.backupEligible ? 'multiDevice' : 'singleDevice',
  backedUp: one.backedUp,
  transports: one.transports.join(','),
  createdAt: one.createdAt,
  aaguid: one.aaguid,
  id: one.id,
})

/** For `navigator.credentials`, as the WebAuthn specification describes them. */
const Options = z.looseObject({ challenge: z.string(), timeout: z.number() })
const Name = z.string().trim().pipe(DisplayName)
const AddQuery = z.object({
  name: z.string().optional(),
  authenticatorAttachment: z.enum(['platform', 'cross-platform']).optional(),
  context: z.string().optional(),
})

const NOT_ADDED = {
  over: 'CHALLENGE_NOT_FOUND',
  refused: 'FAILED_TO_VERIFY_REGISTRATION',
  known: 'PREVIOUSLY_REGISTERED',
  'too-many': 'TOO_MANY_PASSKEYS',
} as const

const NOT_SIGNED_IN = {
  over: 'CHALLENGE_NOT_FOUND',
  wrong: 'AUTHENTICATION_FAILED',
  unknown: 'PASSKEY_NOT_FOUND',
  suspended: 'BANNED_USER',
} as const

export function passkeyEndpoints(deps: Deps): Endpoint[] {
  const { sql } = deps
  /** Whoever has only found an open session must not leave a way in behind, nor take one away. */
  const isFresh = (req: Request) => isConfirmed(req, deps) && isStepped(req, deps)

  return [
    learnerEndpoint({
      method: 'get',
      path: '/api/auth/passkey/generate-register-options',
      summary: 'What a browser needs to make a passkey. Within 10 minutes of the password or a passkey.',
      query: AddQuery,
      answer: Options,
      refusals: ['SESSION_NOT_FRESH', 'EMAIL_NOT_VERIFIED', 'UNAUTHORIZED'],
      async handle({ req, res, learner: { user }, query: { authenticatorAttachment } }) {
        if (!isFresh(req)) return new Refusal('SESSION_NOT_FRESH')
        if (!maySetUp(deps, user)) return new Refusal('EMAIL_NOT_VERIFIED')
        const options = await optionsToAdd(deps, user, browserOf(req, res, deps))
        if (options === undefined) return new Refusal('UNAUTHORIZED')
        if (authenticatorAttachment === undefined) return options
        return {
          ...options,
          authenticatorSelection: { ...options.authenticatorSelection, authenticatorAttachment },
        }
      },
    }),

    learnerEndpoint({
      method: 'post',
      path: '/api/auth/passkey/verify-registration',
      summary: 'Add the passkey that a browser has made',
      body: z.object({ response: z.unknown(), name: Name.optional(), createSession: z.literal(false).optional() }),
      answer: Passkey,
      refusals: [
        'SESSION_NOT_FRESH',
        'EMAIL_NOT_VERIFIED',
        'CHALLENGE_NOT_FOUND',
        'FAILED_TO_VERIFY_REGISTRATION',
        'PREVIOUSLY_REGISTERED',
        'TOO_MANY_PASSKEYS',
        'RATE_LIMITED',
      ],
      async handle({ req, learner: { user }, body }) {
        if (!isFresh(req)) return new Refusal('SESSION_NOT_FRESH')
        if (!maySetUp(deps, user)) return new Refusal('EMAIL_NOT_VERIFIED')
        const { data: registration } = Registration.safeParse(body.response)
        if (registration === undefined) return new Refusal('FAILED_TO_VERIFY_REGISTRATION')
        const device = deviceOf(req)
        const name = body.name ?? deviceName(device.userAgent)
        const added = await addPasskey(deps, user, { registration, name, device, browser: heldBrowser(req, deps) })
        if (added.ok) return toPasskey(added.passkey)
        if (added.reason === 'too-many-tries') return new Refusal('RATE_LIMITED', added)
        return new Refusal(NOT_ADDED[added.reason])
      },
    }),

    endpoint({
      method: 'get',
      path: '/api/auth/passkey/generate-authenticate-options',
      summary: 'What a browser needs to ask for a passkey. The same for everybody: no account is named.',
      answer: Options,
      handle: ({ req, res }) => optionsToLogIn(deps, browserOf(req, res, deps)),
    }),

    endpoint({
      method: 'post',
      path: '/api/auth/passkey/verify-authentication',
      access: 'visitor',
      logsIn: true,
      summary: 'Sign in with a passkey, which is both steps',
      body: z.object({ response: z.record(z.string(), z.unknown()) }),
      answer: z.object({ session: Session, user: User }),
      refusals: ['CHALLENGE_NOT_FOUND', 'PASSKEY_NOT_FOUND', 'AUTHENTICATION_FAILED', 'BANNED_USER', 'RATE_LIMITED'],
      async handle({ req, res, body }) {
        const { data: assertion } = Assertion.safeParse(body.response)
        if (assertion === undefined) return new Refusal('AUTHENTICATION_FAILED')
        const login = await logInByPasskey(deps, { assertion, browser: heldBrowser(req, deps), device: deviceOf(req) })
        if (!login.ok) {
          if (login.reason === 'too-many-tries') return new Refusal('RATE_LIMITED', login)
          return new Refusal(NOT_SIGNED_IN[login.reason])
        }
        const { user, passkey, passwordVersion } = login
        const entered = await enter(req, res, deps, user, {
          amr: byPasskey(passkey),
          passwordVersion,
          remembered: true,
          beside: true,
        })
        const session = entered.ok ? await findOwnSession(sql, user.id, entered.handle) : undefined
        return session ? { session: toSession(session), user: toUser(user) } : new Refusal('AUTHENTICATION_FAILED')
      },
    }),

    learnerEndpoint({
      method: 'get',
      path: '/api/auth/passkey/list-user-passkeys',
      summary: 'The passkeys of the learner',
      answer: z.array(Passkey),
      handle: async ({ learner: { user } }) => (await listPasskeys(sql, user.id)).map(toPasskey),
    }),

    learnerEndpoint({
      method: 'post',
      path: '/api/auth/passkey/update-passkey',
      summary: 'Give a passkey another name',
      body: z.object({ id: z.string(), name: Name }),
      answer: z.object({ passkey: Passkey }),
      refusals: ['PASSKEY_TO_CHANGE_NOT_FOUND'],
      async handle({ learner: { user }, body }) {
        const passkey = await renamePasskey(sql, user.id, body)
        return passkey ? { passkey: toPasskey(passkey) } : new Refusal('PASSKEY_TO_CHANGE_NOT_FOUND')
      },
    }),

    learnerEndpoint({
      method: 'post',
      path: '/api/auth/passkey/delete-passkey',
      summary: 'Remove a passkey. Within 10 minutes of the password or a passkey.',
      body: z.object({ id: z.string() }),
      answer: Done,
      refusals: ['SESSION_NOT_FRESH', 'PASSKEY_TO_CHANGE_NOT_FOUND', 'LAST_WAY_IN'],
      async handle({ req, learner: { user }, body: { id } }) {
        if (!isFresh(req)) return new Refusal('SESSION_NOT_FRESH')
        const removed = await removePasskey(deps, user, { id, device: deviceOf(req) })
        if (removed.ok) return { status: true }
        return new Refusal(removed.reason === 'unknown' ? 'PASSKEY_TO_CHANGE_NOT_FOUND' : 'LAST_WAY_IN')
      },
    }),
  ]
}

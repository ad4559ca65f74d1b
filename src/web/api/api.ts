/** The table of contents of the JSON API: its endpoints, their description, and the answer to everything else. */
import { type RequestHandler, Router } from 'express'
import { z } from 'zod'
import type { Deps } from '../../deps.ts'
import { HttpError, isForPrograms } from '../middleware/errors.ts'
import { sessionCookieName } from '../session/cookies.ts'
import { type Endpoint, endpoint, frequentEndpoint, mount } from './endpoint.ts'
import { keyFacts } from './endpoints/keys.ts'
import { learningEndpoints } from './endpoints/learning.ts'
import { mailedCodeEndpoints } from './endpoints/mailed-codes.ts'
import { passkeyEndpoints } from './endpoints/passkeys.ts'
import { passwordEndpoints } from './endpoints/passwords.ts'
import { planEndpoints } from './endpoints/plan.ts'
import { resetEndpoints } from './endpoints/resets.ts'
import { secondStepEndpoints } from './endpoints/second-step.ts'
import { serviceEndpoints } from './endpoints/services.ts'
import { sessionEndpoints } from './endpoints/sessions.ts'
import { signInEndpoints } from './endpoints/sign-in.ts'
import { statusListFacts } from './endpoints/status-lists.ts'
import { tokenEndpoints } from './endpoints/tokens.ts'
import { userEndpoints } from './endpoints/users.ts'
import { verificationEndpoints } from './endpoints/verification.ts'
import { type ApiDocument, describeApi } from './openapi.ts'
import { origins as createOrigins, type Origins } from './origins.ts'

export type Api = {
  /** For everything under `/api`. Must come before anything that refuses a call, or scripts could not read the refusal. */
  allowReading: RequestHandler
  router: Router
  endpoints: readonly Endpoint[]
  document: ApiDocument
  origins: Origins
}

/** `session` is the same as for the pages, so a login on one side is a login on both. */
export function api(deps: Deps, session: RequestHandler): Api {
  const { config } = deps
  const origins = createOrigins(deps)
  const endpoints = [
    ...signInEndpoints(deps),
    ...sessionEndpoints(deps),
    ...userEndpoints(deps),
    ...passwordEndpoints(deps),
    ...secondStepEndpoints(deps),
    ...mailedCodeEndpoints(deps),
    ...passkeyEndpoints(deps),
    ...resetEndpoints(deps, origins),
    ...verificationEndpoints(deps),
    ...tokenEndpoints(deps),
    ...learningEndpoints(deps),
    ...planEndpoints(deps),
    ...serviceEndpoints(deps),
    frequentEndpoint({
      path: '/api/auth/ok',
      access: 'anyone',
      summary: 'Whether the API is there',
      answer: z.object({ ok: z.literal(true) }),
      handle: () => ({ ok: true }),
    }),
    endpoint({
      method: 'get',
      path: '/api/openapi.json',
      summary: 'This description',
      answer: z.looseObject({ openapi: z.string() }),
      handle: () => document,
    }),
  ]
  const document = describeApi([...endpoints, ...keyFacts, ...statusListFacts], {
    issuer: config.issuer,
    cookieName: sessionCookieName(config.secureCookies),
  })

  const router = Router({ strict: true, caseSensitive: true })
  router.use(likeBetterAuth)
  for (const endpoint of endpoints) mount(router, endpoint, { deps, origins, session })
  router.use('/api/auth', notThere)
  router.use((req, res) => {
    const methods = endpoints.filter(({ path }) => fits(path, req.path)).map(({ method }) => method.toUpperCase())
    if (methods.length === 0) throw new HttpError(404)
    res.set('Allow', methods.join(', '))
    throw new HttpError(405)
  })
  return { allowReading: origins.allowReading, router, endpoints, document, origins }
}

const fits = (pattern: string, path: string): boolean =>
  new RegExp(`^${pattern.replace(/[.]/g, '\\.').replace(/:\w+/g, '[^/]+')}$`).test(path)

/**
 * Pages pass by. Better Auth knows neither HEAD nor OPTIONS, and answers both as it answers an unknown address.
 */
const likeBetterAuth: RequestHandler = (req, res, next) => {
  if (!isForPrograms(req.path)) next('router')
  else if (['HEAD', 'OPTIONS'].includes(req.method)) notThere(req, res, next)
  else next()
}

const notThere: RequestHandler = (_req, res) => void res.status(404).end()

import { type ErrorRequestHandler, type Request, type Response, Router } from 'express'
import { takeLoginCode } from '../../../accounts/second-step/codes.ts'
import type { Ticket } from '../../../accounts/second-step/login-tickets.ts'
import type { Deps } from '../../../deps.ts'
import { methodNotAllowed } from '../../middleware/errors.ts'
import { unsentForm } from '../../middleware/unsent-form.ts'
import { blankForm, type FormState, parseForm, refuse } from '../../presenters/form.ts'
import { CODE_FIELD, CODE_REFUSED, CodeForm } from '../../presenters/second-step-code.ts'
import { outOfReach, refuseTooManyTries } from '../../presenters/too-many-tries.ts'
import { deviceOf } from '../../session/device.ts'
import { type Amr, BOTH_STEPS, enter } from '../../session/identity.ts'
import { forgetTicket, SECOND_STEP_PAGE, skipSecondStep, ticketOf } from '../../session/second-step.ts'

const FIELDS = { ...CODE_FIELD, rememberDevice: { id: 'remember-device' } } as const
const RECOVERY = 'recovery-code'

/** The second step of a login: one field for a code. Only a browser that has done the first step sees it. */
export function loginSecondStepPages(deps: Deps): Router {
  /** The ticket, if it is good. Otherwise leads to the login page, and from there whoever is logged in by now to theirs. */
  async function goodTicket(req: Request, res: Response): Promise<Ticket | undefined> {
    const ticket = await ticketOf(req, deps)
    if (ticket === undefined) leaveForLogin(res)
    return ticket
  }
  function leaveForLogin(res: Response): void {
    forgetTicket(res, deps)
    res.redirect(303, '/login?done=second-step-over')
  }
  const show = (res: Response, form: FormState, way: unknown) =>
    res.render('login-second-step', { form, isRecovery: way === RECOVERY })

  const router = Router()
  router
    .route(SECOND_STEP_PAGE)
    .get(async (req, res) => {
      if (await goodTicket(req, res)) show(res, blankForm(FIELDS), req.query.with)
    })
    .post(async (req, res) => {
      const ticket = await goodTicket(req, res)
      if (ticket === undefined) return
      const form = parseForm(FIELDS, CodeForm, req.body)
      const again = (state: FormState) => show(res, state, req.body.with)
      if (!form.ok) {
        res.status(422)
        return again(form.state)
      }
      const check = await takeLoginCode(deps, ticket, { code: form.data.code, device: deviceOf(req) })
      if (check.ok) return goIn(req, res, ticket, check.isRecovery)
      if (check.reason === 'over') return leaveForLogin(res)
      if (check.reason === 'too-many-tries') {
        return again(refuseTooManyTries(res, form.state, check.retryAfterSeconds, 'code'))
      }
      const refusal = check.reason === 'wrong' && req.body.with === RECOVERY ? 'recovery' : check.reason
      res.status(422)
      again(refuse(form.state, 'code', CODE_REFUSED[refusal]))
    })
    .all(methodNotAllowed)

  async function goIn(req: Request, res: Response, ticket: Ticket, isRecovery: boolean): Promise<void> {
    const { user, passwordVersion, remembered, next, kept } = ticket
    forgetTicket(res, deps)
    if (req.body.rememberDevice === 'yes') await skipSecondStep(req, res, deps, ticket)
    const { path } = await enter(req, res, deps, user, {
      ...{ amr: [...(ticket.amr as Amr[]), ...BOTH_STEPS], passwordVersion, remembered, next, kept: kept ?? undefined },
      flash: isRecovery ? 'recovery-code-used' : undefined,
    })
    res.redirect(303, path)
  }
  return router
}

/** The page while the database is away: the choices are kept. A code that was taken all the same is not taken again. */
export const unsentSecondStep = (deps: Deps): ErrorRequestHandler =>
  unsentForm(deps, /^\/login\/second-step\/?$/, ({ body }, res, retryAfterSeconds) => {
    const form = outOfReach(parseForm(FIELDS, CodeForm, body).state, 'code', retryAfterSeconds)
    res.render('login-second-step', { form, isRecovery: body.with === RECOVERY })
  })

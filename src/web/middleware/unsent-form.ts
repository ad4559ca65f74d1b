/**
 * Forms that met an outage of the database come back as they were sent, without their passwords, to be sent again. Whether
 * the statement was carried out before its answer was lost nobody knows. So only forms stand here which change nothing
 * more when they are sent twice.
 */
import type { ErrorRequestHandler, Request, Response } from 'express'
import { Busy, Unavailable } from '../../base/failures.ts'
import { secondsInWords } from '../../base/text.ts'
import type { Deps } from '../../deps.ts'
import { CATALOGUE } from '../../learning/catalogue.ts'

/** Forms of which all is kept in hidden fields, since there is nothing in them to be looked at again. */
const WHOLE = /^\/(lessons\/(?<lesson>[\w-]+)\/progress|plan|account|onboarding\/check)\/?$/

/** What these forms have. Nothing else is theirs, and it may be what nobody should read in a page. */
const FIELDS = ['state', 'from', 'hours', 'name', 'seen']

/**
 * Answers an outage during a POST to `path` with 503 and what `show` renders. The session may not have been read, so there
 * may be no `req.user`. The token of the form goes back as it came: only a good one makes the form good.
 */
export function unsentForm(
  { log }: Pick<Deps, 'log'>,
  path: RegExp,
  show: (req: Request, res: Response, retryAfterSeconds: number) => void,
): ErrorRequestHandler {
  return (error, req, res, next) => {
    const isOutage = error instanceof Unavailable && req.method === 'POST' && !res.headersSent
    if (!isOutage || req.body === undefined || !path.test(req.path)) return next(error)
    if (!(error instanceof Busy)) log.warn({ err: error, requestId: req.id }, 'request failed')
    const { retryAfterSeconds } = error
    res.status(503).set('Retry-After', String(retryAfterSeconds))
    const { _csrf: token } = req.body
    res.locals.csrfToken ??= () => (typeof token === 'string' ? token : '')
    show(req, res, retryAfterSeconds)
  }
}

/** For forms that are a button or little more: a page with this button. */
export const unsentForms = (deps: Pick<Deps, 'log'>): ErrorRequestHandler =>
  unsentForm(deps, WHOLE, (req, res, retryAfterSeconds) => {
    const { lesson = '' } = WHOLE.exec(req.path)?.groups ?? {}
    const body = req.body as Record<string, string | string[] | undefined>
    const fields = FIELDS.flatMap((name) => [body[name] ?? []].flat().map((value) => ({ name, value })))
    res.render('unsent', {
      action: req.path,
      fields,
      lesson: CATALOGUE.byId.get(lesson)?.title,
      when: secondsInWords(retryAfterSeconds),
      back: { href: '/dashboard', label: 'Your dashboard' },
    })
  })

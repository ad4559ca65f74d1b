/** Every way a request can end without its page: one error page for people, with the right status and what to do next. */
import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express'
import type { Deps } from '../deps.ts'
import { LearnerGone } from '../learner-gone.ts'
import { Unavailable } from '../unavailable.ts'

/** A request that is answered with this status and no page of its own. */
export class HttpError extends Error {
  override name = 'HttpError'
  readonly status: number

  constructor(status: number) {
    super(`answered with ${status}`)
    this.status = status
  }
}

type Explanation = { title: string; text: string; links?: { href: string; label: string }[] }

const EXPLANATIONS: Record<number, Explanation> = {
  400: { title: 'This request cannot be read', text: 'Something was damaged on the way. Go back and try again.' },
  404: {
    title: 'Page not found',
    text: 'If you typed the address, check it. If you followed a link, it may be out of date.',
  },
  405: { title: 'This page cannot do that', text: 'Open the page from a link and use its buttons.' },
  413: {
    title: 'That is too much at once',
    text: 'What you sent is longer than this page takes. Go back, shorten it and send it again.',
  },
  415: { title: 'This format cannot be read', text: 'Open the form in your browser and send it from there.' },
  422: { title: 'That cannot be done', text: 'Nothing was changed. Open the page again and use its buttons.' },
  500: {
    title: 'There is a problem with the service',
    text: 'Try again later. If you were filling in a form, your answers were not saved.',
  },
  503: {
    title: 'The service is busy or out of reach',
    text: 'Try again in a moment. If you were filling in a form, your answers were not saved.',
  },
}

/** The last route of a path: names the methods that the path does have. */
export const methodNotAllowed: RequestHandler = (req, res) => {
  const methods = Object.keys(req.route.methods).filter((method) => method !== '_all')
  if (methods.includes('get')) methods.push('head')
  res.set('Allow', methods.map((method) => method.toUpperCase()).join(', '))
  throw new HttpError(405)
}

export const notFound: RequestHandler = () => {
  throw new HttpError(404)
}

/** Faults of ours are logged, answered plainly, and never shown. */
export function errorPages({ log }: Deps): ErrorRequestHandler {
  return (error, req, res, _next) => {
    if (error instanceof LearnerGone && !res.headersSent) return res.redirect(303, '/goodbye')
    const status = statusOf(error)
    if (status >= 500) log[status === 503 ? 'warn' : 'error']({ err: error, requestId: req.id }, 'request failed')
    // A session that could not be saved behind an answer that is whole takes nothing from it.
    if (res.writableEnded) return
    // Too late for a page: ending the connection is the only way left to say that the answer is not whole.
    if (res.headersSent) return void res.destroy()
    if (error instanceof Unavailable) res.set('Retry-After', String(error.retryAfterSeconds))
    renderError(req, res, status)
  }
}

export function renderError(req: Request, res: Response, status: number, explanation = EXPLANATIONS[status]): void {
  res.status(status)
  res.render('error', { status, ...(explanation ?? EXPLANATIONS[status >= 500 ? 500 : 400]), requestId: req.id })
}

function statusOf(error: unknown): number {
  if (error instanceof Unavailable) return 503
  const status = error instanceof Error && 'status' in error ? error.status : undefined
  return typeof status === 'number' && status >= 400 && status < 500 ? status : 500
}

/** The error page: every way in which a request can end without its own page, with the right status and what to do next. */
import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express'
import { Busy, LearnerGone, Unavailable } from '../../base/failures.ts'
import type { Deps } from '../../deps.ts'

/** Ends a request with this status. People get the error page, programs `detail`: what they can do about it. */
export class HttpError extends Error {
  override name = 'HttpError'
  readonly status: number
  readonly detail: string | undefined

  constructor(status: number, { detail }: { detail?: string } = {}) {
    super(`answered with ${status}`)
    this.status = status
    this.detail = detail
  }
}

type Explanation = {
  title: string
  text: string
  links?: { href: string; label: string }[]
  /** Where the links lead, if not to the host that was asked. */
  site?: string
}

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
    text: 'Try again later. If you were filling in a form, your answers may not be saved.',
  },
  503: {
    title: 'The service is busy or out of reach',
    text: 'Try again in a moment. If you were filling in a form, your answers may not be saved.',
  },
}

/** Whether a program asks, for whom there are no pages. Any spelling counts; a base address may end in a slash. */
export const isForPrograms = (path: string): boolean => /^\/{1,2}(api|\.well-known)\/./i.test(path)

/** The last handler of a path. Answers 405 and lists the methods that the path has. */
export const methodNotAllowed: RequestHandler = (req, res) => {
  const methods = Object.keys(req.route.methods).filter((method) => method !== '_all')
  if (methods.includes('get')) methods.push('head')
  res.set('Allow', methods.map((method) => method.toUpperCase()).join(', '))
  throw new HttpError(405)
}

export const notFound: RequestHandler = () => {
  throw new HttpError(404)
}

/** The last handler of all. Our own faults are logged and not shown. */
export function errorPages({ log }: Deps): ErrorRequestHandler {
  return (error, req, res, _next) => {
    if (error instanceof LearnerGone && !res.headersSent) return res.redirect(303, '/goodbye')
    const status = statusOf(error)
    // In a storm there are hundreds who come too early. Each has a line of its request, and it is no fault.
    const isFault = status >= 500 && !(error instanceof Busy)
    if (isFault) log[status === 503 ? 'warn' : 'error']({ err: error, requestId: req.id }, 'request failed')
    // The answer is complete; only saving the session after it failed.
    if (res.writableEnded) return
    // Part of the answer is already sent. Closing the connection is the only way left to say that the rest is missing.
    if (res.headersSent) return void res.destroy()
    if (error instanceof Unavailable) res.set('Retry-After', String(error.retryAfterSeconds))
    renderError(req, res, status)
  }
}

/** The same where nobody reads pages. */
export function plainErrors({ log }: Deps): ErrorRequestHandler {
  return (error, _req, res, _next) => {
    const status = statusOf(error)
    if (status >= 500) log.error({ err: error }, 'request failed')
    if (res.headersSent) res.destroy()
    else res.status(status).json({ status: 'failing' })
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

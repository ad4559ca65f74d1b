/** The cookie of a browser that has asked for a code by mail. A browser holds one at a time: asking again replaces it. */
import type { Request, Response } from 'express'
import type { Deps } from '../../deps.ts'
import { forgetCookie, heldCookie, keepCookie } from './cookies.ts'

export const keepCodeRequest = (res: Response, deps: Deps, request: string): void =>
  keepCookie(res, deps, 'code', request)

export const codeRequestOf = (req: Request, deps: Deps): string | undefined => heldCookie(req, deps, 'code')

export const forgetCodeRequest = (res: Response, deps: Deps): void => forgetCookie(res, deps, 'code')

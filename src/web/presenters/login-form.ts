/** The login page, which is also the answer to a form whose session has ended. */
import type { Response } from 'express'
import { blankForm } from './form.ts'

export const LOGIN_FIELDS = {
  email: { id: 'email' },
  password: { id: 'current-password', secret: true },
  remember: { id: 'remember' },
  next: { id: 'next' },
  kept: { id: 'kept' },
} as const

export function showLogin(res: Response, values: { next: string; kept?: string }, message?: { text: string }): void {
  res.render('login', { form: blankForm(LOGIN_FIELDS, values), message })
}

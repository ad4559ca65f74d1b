import { Router } from 'express'

/** Where pages of the account were before they got the names of their features. Mails that were sent then lead there. */
const MOVED = {
  email: 'email-change',
  'email/cancel': 'email-change/cancel',
  password: 'password-change',
  confirm: 'password-confirmation',
  export: 'data-export',
  delete: 'account-deletion',
} as const

/** Leads on from addresses that are not the pages' own. 308 keeps the method, so a form that is open still arrives. */
export function movedPages(): Router {
  const router = Router()
  for (const [old, page] of Object.entries(MOVED)) {
    router.all(`/account/${old}`, (req, res) => {
      const query = /\?.*/.exec(req.originalUrl)?.[0] ?? ''
      res.redirect(308, `/account/${page}${query}`)
    })
  }
  // Where password managers look (W3C, A Well-Known URL for Changing Passwords).
  router.get('/.well-known/change-password', (_req, res) => res.redirect(303, '/account/password-change'))
  return router
}

/** The table of contents: what every request passes, in order, then the API, then the pages. */
import express, { type Express } from 'express'
import type { Deps } from './deps.ts'
import { api } from './web/api/api.ts'
import { publicKeys } from './web/api/keys.ts'
import { apiErrors } from './web/api-errors.ts'
import { serveAssets } from './web/assets.ts'
import { requireUser } from './web/auth.ts'
import { formBody, limitBody } from './web/body.ts'
import { csrf } from './web/csrf.ts'
import { errorPages, notFound } from './web/errors.ts'
import { accountPages } from './web/pages/account.ts'
import { accountDataPages } from './web/pages/account-data.ts'
import { accountEmailPages } from './web/pages/account-email.ts'
import { accountPasswordPages } from './web/pages/account-password.ts'
import { accountSessionPages } from './web/pages/account-sessions.ts'
import { apiPages } from './web/pages/api.ts'
import { dashboardPages } from './web/pages/dashboard.ts'
import { devOutboxPages } from './web/pages/dev-outbox.ts'
import { emailVerificationPages } from './web/pages/email-verification.ts'
import { healthPages } from './web/pages/health.ts'
import { homePages } from './web/pages/home.ts'
import { informationPages } from './web/pages/information.ts'
import { lessonPages } from './web/pages/lessons.ts'
import { loginPages } from './web/pages/login.ts'
import { logoutOfNobody, logoutPages, unfinishedLogout } from './web/pages/logout.ts'
import { onboardingPages } from './web/pages/onboarding.ts'
import { passwordResetPages } from './web/pages/password-reset.ts'
import { profilePages } from './web/pages/profile.ts'
import { signUpPages } from './web/pages/sign-up.ts'
import { requestLog } from './web/request-log.ts'
import { noStore, requireTls, securityHeaders } from './web/security.ts'
import { sessions } from './web/session.ts'
import { showUser, useViews } from './web/views.ts'

export type AppOptions = { isStopping?: () => boolean; store?: Parameters<typeof sessions>[1] }

export function createApp(deps: Deps, { isStopping = () => false, store }: AppOptions = {}): Express {
  const app = express()
  const forms = csrf(deps)
  const session = sessions(deps, store)
  const jsonApi = api(deps, session)
  app.disable('x-powered-by')
  app.disable('etag')
  app.set('trust proxy', deps.config.trustProxy)
  useViews(app)

  app.use(securityHeaders(deps))
  app.use(requestLog(deps))
  app.use(noStore)
  app.use(/^\/{1,2}api(?=\/)/, jsonApi.allowReading)
  app.use(limitBody)
  app.use(healthPages(deps, isStopping))
  app.use(requireTls(deps))
  app.use(publicKeys(deps))
  app.use(serveAssets)
  // Where password managers look (W3C, A Well-Known URL for Changing Passwords).
  app.get('/.well-known/change-password', (_req, res) => res.redirect(303, '/account/password'))
  app.use(jsonApi.router)

  app.use(forms.refuseOtherSites)
  app.use(formBody)
  app.use(session)
  app.use(showUser)
  app.use(logoutOfNobody)
  app.use(forms.requireToken)

  app.use(homePages())
  app.use(informationPages(deps))
  app.use(signUpPages(deps))
  app.use(loginPages(deps))
  app.use(logoutPages(deps))
  app.use(passwordResetPages(deps))
  app.use(emailVerificationPages(deps, jsonApi.origins))
  app.use(devOutboxPages(deps))
  app.use(apiPages(jsonApi.document))

  app.use(['/dashboard', '/account', '/onboarding', '/profile', '/lessons'], requireUser)
  app.use(dashboardPages(deps))
  app.use(accountPages(deps))
  app.use(accountEmailPages(deps))
  app.use(accountPasswordPages(deps))
  app.use(accountSessionPages(deps))
  app.use(accountDataPages(deps))
  app.use(onboardingPages(deps))
  app.use(profilePages(deps))
  app.use(lessonPages(deps))

  app.use(notFound)
  app.use(apiErrors(deps))
  app.use(unfinishedLogout(deps, forms))
  app.use(errorPages(deps))
  return app
}

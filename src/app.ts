/**
 * The table of contents: what every request passes, in this order; then the API; then the pages. The calls that programs make
 * all day are answered before all of it, by `web/api/direct.ts`.
 */
import type { RequestListener } from 'node:http'
import express, { type Express } from 'express'
import type { Deps } from './deps.ts'
import { api } from './web/api/api.ts'
import { direct } from './web/api/direct.ts'
import { publicKeys } from './web/api/endpoints/keys.ts'
import { statusLists } from './web/api/endpoints/status-lists.ts'
import { apiErrors } from './web/api/errors.ts'
import { serveAssets } from './web/middleware/assets.ts'
import { formBody, limitBody } from './web/middleware/body.ts'
import { csrf } from './web/middleware/csrf.ts'
import { errorPages, notFound, plainErrors } from './web/middleware/errors.ts'
import { readForwarded } from './web/middleware/forwarded.ts'
import { requireOwnHost } from './web/middleware/own-host.ts'
import { requestLog } from './web/middleware/request-log.ts'
import { noStore, requireTls, securityHeaders } from './web/middleware/security.ts'
import { unsentForms } from './web/middleware/unsent-form.ts'
import { useViews } from './web/middleware/views.ts'
import { accountPages } from './web/pages/account/account.ts'
import { accountDeletionPages } from './web/pages/account/account-deletion.ts'
import { accountSessionPages } from './web/pages/account/account-sessions.ts'
import { dataExportPages } from './web/pages/account/data-export.ts'
import { emailChangePages } from './web/pages/account/email-change.ts'
import { movedPages } from './web/pages/account/moved.ts'
import { passkeyPages } from './web/pages/account/passkeys.ts'
import { passwordChangePages } from './web/pages/account/password-change.ts'
import { passwordConfirmationPages } from './web/pages/account/password-confirmation.ts'
import { secondStepPages } from './web/pages/account/second-step.ts'
import { secondStepConfirmationPages, unsentConfirmation } from './web/pages/account/second-step-confirmation.ts'
import { apiPages } from './web/pages/api.ts'
import { dashboardPages } from './web/pages/dashboard.ts'
import { devOutboxPages } from './web/pages/dev-outbox.ts'
import { healthPages } from './web/pages/health.ts'
import { homePages } from './web/pages/home.ts'
import { informationPages } from './web/pages/information.ts'
import { lessonPages } from './web/pages/lessons.ts'
import { deletionUndoPages } from './web/pages/links/deletion-undo.ts'
import { emailVerificationPages } from './web/pages/links/email-verification.ts'
import { newDevicePages } from './web/pages/links/new-device.ts'
import { notMePages } from './web/pages/links/not-me.ts'
import { passwordResetPages } from './web/pages/links/password-reset.ts'
import { loginCodePages, unsentLoginCode } from './web/pages/login/code.ts'
import { loginPages, unsentLogin } from './web/pages/login/login.ts'
import { loginPasskeyPages } from './web/pages/login/passkey.ts'
import { loginSecondStepPages, unsentSecondStep } from './web/pages/login/second-step.ts'
import { logoutOfNobody, logoutPages, unfinishedLogout } from './web/pages/logout.ts'
import { metricsPages } from './web/pages/metrics.ts'
import { onboardingPages, unsentAnswer } from './web/pages/onboarding.ts'
import { planCalendars } from './web/pages/plan/calendar.ts'
import { planPages } from './web/pages/plan/plan.ts'
import { skipPages } from './web/pages/plan/skip.ts'
import { profilePages, unsentProfile } from './web/pages/profile.ts'
import { securityTxt } from './web/pages/security-txt.ts'
import { signUpPages, unsentSignUp } from './web/pages/sign-up.ts'
import { showLogin } from './web/presenters/login-form.ts'
import { refuseRivalSessions } from './web/session/cookies.ts'
import { requireUser } from './web/session/guards.ts'
import { sessions } from './web/session/store.ts'

export type AppOptions = { isStopping?: () => boolean; store?: Parameters<typeof sessions>[1] }

export function createApp(
  deps: Deps,
  { isStopping = () => false, store }: AppOptions = {},
): { app: Express; listener: RequestListener } {
  const app = express()
  const forms = csrf(deps, showLogin)
  const session = sessions(deps, store)
  const jsonApi = api(deps, session)
  const keys = publicKeys(deps)
  const lists = statusLists(deps)
  const documents = [...keys.documents, ...lists.documents]
  app.disable('x-powered-by')
  app.disable('etag')
  app.set('trust proxy', deps.config.trustProxy)
  useViews(app, { sendsMail: deps.mail.enabled })

  app.use(readForwarded(deps))
  app.use(securityHeaders(deps))
  app.use(requestLog(deps))
  app.use(noStore)
  app.use(/^\/{1,2}api(?=\/)/, jsonApi.allowReading)
  app.use(limitBody)
  app.use(healthPages(deps, isStopping))
  app.use(requireOwnHost(deps))
  app.use(requireTls(deps))
  app.use(metricsPages(deps))
  app.use(refuseRivalSessions(deps))
  app.use(keys.handler)
  app.use(lists.handler)
  app.use(serveAssets)
  app.use(movedPages())
  app.use(securityTxt(deps))
  app.use(jsonApi.router)
  app.use(planCalendars(deps))

  app.use(forms.refuseOtherSites)
  app.use(formBody)
  app.use(session)
  app.use(logoutOfNobody)
  app.use(forms.requireToken)

  app.use(homePages())
  app.use(informationPages(deps))
  app.use(signUpPages(deps))
  app.use(loginPages(deps))
  app.use(loginCodePages(deps))
  app.use(loginSecondStepPages(deps))
  app.use(loginPasskeyPages(deps))
  app.use(logoutPages(deps))
  app.use(passwordResetPages(deps))
  app.use(newDevicePages(deps))
  app.use(notMePages(deps))
  app.use(emailVerificationPages(deps, jsonApi.origins))
  app.use(deletionUndoPages(deps))
  app.use(devOutboxPages(deps))
  app.use(apiPages(jsonApi.document))

  app.use(['/dashboard', '/account', '/onboarding', '/profile', '/lessons', '/plan'], requireUser)
  app.use(dashboardPages(deps))
  app.use(accountPages(deps))
  app.use(accountSessionPages(deps))
  app.use(emailChangePages(deps))
  app.use(passwordChangePages(deps))
  app.use(passwordConfirmationPages(deps))
  app.use(secondStepPages(deps))
  app.use(secondStepConfirmationPages(deps))
  app.use(passkeyPages(deps))
  app.use(dataExportPages(deps))
  app.use(accountDeletionPages(deps))
  app.use(onboardingPages(deps))
  app.use(profilePages(deps))
  app.use(lessonPages(deps))
  app.use(planPages(deps))
  app.use(skipPages(deps))

  app.use(notFound)
  app.use(apiErrors(deps))
  app.use(unfinishedLogout(deps, forms))
  app.use([
    unsentLogin(deps),
    unsentLoginCode(deps),
    unsentSecondStep(deps),
    unsentConfirmation(deps),
    unsentSignUp(deps),
    unsentAnswer(deps),
    unsentProfile(deps),
    unsentForms(deps),
  ])
  app.use(errorPages(deps))
  const listener = direct(deps, { endpoints: jsonApi.endpoints, documents, next: app })
  const { tracing } = deps
  return {
    app,
    listener: tracing ? (req, res) => tracing.request(req, res, () => listener(req, res)) : listener,
  }
}

/** What a port of its own answers, for operators only: METRICS_PORT. */
export function createOperatorsApp(deps: Deps, { isStopping }: Pick<AppOptions, 'isStopping'> = {}): Express {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.use(noStore)
  app.use(metricsPages(deps, { isOwnPort: true }))
  app.use(healthPages(deps, isStopping ?? (() => false), { isOwnPort: true }))
  app.use(notFound)
  app.use(plainErrors(deps))
  return app
}

/** Who may see a page, call an endpoint, or ask how the server is doing. */
import { inFile, type Mutant } from '../mutant.ts'

const guards = inFile('src/web/session/guards.ts')

export const ACCESS: Mutant[] = [
  guards(
    'a page of learners is for learners',
    "if (req.user) next()\n  else res.redirect(303, ['GET'",
    "if (req.user || req) next()\n  else res.redirect(303, ['GET'",
    'web/pages/account-guards',
    'leads a visitor to the login and back',
  ),
  guards(
    'what only the owner may do asks for the password',
    'if (isConfirmed(req, deps)) requireStep',
    'if (isConfirmed(req, deps) || req) requireStep',
    'web/pages/password-confirmation',
    'and nothing is written before it is given',
  ),
  inFile('src/web/middleware/security.ts')(
    'browsers stay on TLS',
    'strictTransportSecurity: config.secureCookies ?',
    'strictTransportSecurity: config.secureCookies && false ?',
    'web/middleware/headers',
    'a page behind TLS, 200',
  ),
  inFile('src/web/api/services.ts')(
    'a service may do what its key was given',
    'if (rights?.includes(right)) return true',
    'if (rights) return true',
    'web/api/services',
    'may introspect if it was given that right, and nothing else',
  ),
  inFile('src/web/middleware/operators.ts')(
    'metrics are for whoever holds the token',
    'isSameText(given, token)',
    "given !== ''",
    'telemetry/metrics',
    'are not shown to somebody with another token',
  ),
]

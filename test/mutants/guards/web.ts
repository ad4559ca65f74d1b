/** What stands between a request and a page: where it comes from, and what it carries. */
import { inFile, type Mutant } from '../mutant.ts'

const csrf = inFile('src/web/middleware/csrf.ts')
const origins = inFile('src/web/api/origins.ts')
const body = inFile('src/web/middleware/body.ts')
const returnTo = inFile('src/web/session/return-to.ts')

export const WEB: Mutant[] = [
  csrf(
    'the token of a form is compared',
    'if (hasToken(req, owner(req))) return next()',
    'return next()',
    'web/middleware/csrf',
    'an empty token',
  ),
  csrf(
    'a learner’s token belongs to one session',
    'req.user ? `session ${req.sessionID}`',
    'req.user ? `session ${req.user.id}`',
    'web/middleware/csrf',
    'is worth nothing in another session of the same learner',
  ),
  csrf(
    'a visitor’s token belongs to one browser',
    '`visitor ${req.formId}`',
    "'visitor'",
    'web/middleware/csrf',
    'neither does a form without any cookie, with a token or without',
  ),
  csrf(
    'the form cookie is signed',
    "return id !== '' && isSigned(`form ${id}`, signature) ? id : undefined",
    "return id !== '' && signature !== undefined ? id : undefined",
    'web/middleware/csrf',
    'no signature',
  ),
  csrf(
    'Sec-Fetch-Site is read',
    "if (site !== undefined && site !== 'same-origin' && site !== 'none') return true",
    '',
    'web/middleware/csrf',
    'another site without an origin: refused',
  ),
  csrf(
    'a sibling host is another site',
    "site !== 'same-origin' && site !== 'none') return true",
    "site !== 'same-origin' && site !== 'same-site' && site !== 'none') return true",
    'web/middleware/csrf',
    'a sibling host: refused',
  ),
  csrf(
    'an origin is compared as a whole',
    'return origin !== undefined && origin !== (config.publicOrigin ?? askedOrigin(req))',
    'return origin !== undefined && !origin.startsWith(config.publicOrigin ?? askedOrigin(req))',
    'web/middleware/csrf',
    'our host as the start of another: refused',
  ),
  csrf(
    'a null origin needs Sec-Fetch-Site',
    "if (origin === 'null') return site !== 'same-origin'",
    "if (origin === 'null') return false",
    'web/middleware/csrf',
    'a sandboxed frame: refused',
  ),
  csrf(
    'a null origin of our own page is let through',
    "if (origin === 'null') return site !== 'same-origin'",
    "if (origin === 'null') return true",
    'web/middleware/csrf',
    'our own page under no-referrer, which sends a null origin: taken',
  ),
  origins(
    'an API call with a cookie names a trusted origin',
    "if (req.get('Cookie') !== undefined) {",
    "if (req.get('Cookie') === 'never') {",
    'web/api/origins-attacks',
    'to POST /api/auth/sign-up/email does nothing from another site, and what it is there for from here',
  ),
  origins(
    'nobody is logged in by another site’s form',
    "if (site === 'cross-site' && mode === 'navigate') throw new Refusal('CROSS_SITE_NAVIGATION_LOGIN_BLOCKED')",
    '',
    'web/api/origins',
    'a form of another site: answers CROSS_SITE_NAVIGATION_LOGIN_BLOCKED',
  ),
  origins(
    'only trusted origins read the answers',
    'if (origin === undefined || !config.trustedOrigins.includes(origin)) return next()',
    'if (origin === undefined) return next()',
    'web/api/cors',
    'as “https://evil.example” is told nothing',
  ),
  origins(
    'a mailed link leads to trusted origins only',
    "isTrusted(req, originOf(url) ?? '')",
    'true',
    'web/api/contract-mail-places',
    'leads nowhere else: refused to anybody, and nothing is done',
  ),
  body(
    'a body ends at its limit',
    'else reject(new HttpError(413))',
    'else chunks.push(chunk)',
    'web/middleware/bad-input',
    'an upload in slow pieces is answered at the limit, and the connection closed',
  ),
  body(
    'a form has a hundred fields at most',
    'if (entries.length > FIELDS_MAX) throw new HttpError(413)',
    '',
    'web/middleware/bad-input',
    'a hundred fields are read, and one more is not',
  ),
  body(
    'a page takes forms only',
    "if (text !== '' && !isOfType(req.get('Content-Type'), FORM_TYPE)) throw new HttpError(415)",
    '',
    'web/middleware/bad-input',
    '/login with no type: 415',
  ),
  body(
    'nothing is unpacked',
    "if (req.get('Content-Encoding') !== undefined) throw new HttpError(415)",
    '',
    'web/middleware/bad-input',
    'gzip is not unpacked',
  ),
  inFile('src/web/middleware/own-host.ts')(
    'another host is not ours',
    'if (names.every(isOurs)) return next()',
    'return next()',
    'web/middleware/own-host',
    'evil.test',
  ),
  inFile('src/web/middleware/forwarded.ts')(
    'the scheme is what our own proxy says',
    "header.split(',').slice(-proxies)",
    "header.split(',')",
    'web/middleware/forwarded',
    'is the last of several headers too',
  ),
  returnTo(
    'a way back has no backslash',
    '[^\\\\\\p{Cc}]*$/u',
    '[^\\p{Cc}]*$/u',
    'web/session/return-to',
    'the login page keeps it in one piece',
  ),
  returnTo(
    'a way back holds no hidden slash',
    '|| /%(2f|5c|0|1)/i.test(url.pathname)',
    '',
    'web/session/return-to',
    'the login page keeps it in one piece',
  ),
  returnTo(
    'nobody is led from the login to the logout',
    ' || NOT_A_DESTINATION.test(url.pathname)',
    '',
    'web/session/return-to',
    'the login page keeps it in one piece',
  ),
]

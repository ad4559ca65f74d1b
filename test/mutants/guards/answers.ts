/** What is sent with an answer: headers and cookies. */
import { inFile, type Mutant } from '../mutant.ts'

const security = inFile('src/web/middleware/security.ts')
const cookies = inFile('src/web/session/cookies.ts')

export const ANSWERS: Mutant[] = [
  security(
    'no page stands in a frame',
    'frameAncestors: ["\'none\'"],',
    '',
    'web/middleware/headers',
    'the home page, 200',
  ),
  security(
    'no inline script',
    'scriptSrc: ["\'self\'"]',
    'scriptSrc: ["\'self\'", "\'unsafe-inline\'"]',
    'web/middleware/headers',
    'the home page, 200',
  ),
  security(
    'nobody keeps a page',
    "res.setHeader('Cache-Control', 'no-store')",
    '',
    'web/middleware/headers',
    'the home page',
  ),
  security(
    'a plain request goes to TLS',
    'if (!secureCookies || req.secure) return next()',
    'return next()',
    'web/middleware/headers',
    'the way to TLS, 308',
  ),
  security(
    'it goes to our own host, whatever it asks for',
    'res.redirect(308, `${publicOrigin}${pathname}${search}`)',
    "res.redirect(308, `https://${req.get('Host')}${pathname}${search}`)",
    'web/middleware/headers',
    'with a session does nothing with it, and is sent to TLS',
  ),
  cookies(
    'cookies are for TLS only',
    "({ path: '/', httpOnly: true, sameSite: 'lax', secure })",
    "({ path: '/', httpOnly: true, sameSite: 'lax', secure: false && secure })",
    'web/middleware/headers',
    'behind TLS have the strictest names and attributes, and say nothing',
  ),
  cookies(
    'no script reads a cookie',
    'httpOnly: true,',
    'httpOnly: false,',
    'web/middleware/headers',
    'behind TLS have the strictest names and attributes, and say nothing',
  ),
  cookies(
    'cookies have the strictest name',
    'secure ? prefix + name : name',
    'name',
    'web/middleware/headers',
    'behind TLS have the strictest names and attributes, and say nothing',
  ),
  cookies(
    'two rival session cookies are none',
    'if (cookie !== undefined) req.headers.cookie = withoutRivals(cookie, name)',
    '',
    'web/session/rival-cookies',
    'after that of somebody else one is nobody',
  ),
  inFile('src/web/middleware/views.ts')(
    'what people typed is escaped',
    "autoTrim: [false, 'nl'] })",
    "autoTrim: [false, 'nl'], autoEscape: false })",
    'web/middleware/bad-input',
    'name in markup: is taken',
  ),
]

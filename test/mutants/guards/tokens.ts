/** Access tokens, refresh tokens, and the keys and lists that others check them by. */
import { inFile, type Mutant } from '../mutant.ts'

const access = inFile('src/tokens/access-tokens.ts')
const refresh = inFile('src/tokens/refresh-tokens.ts')
const bearer = inFile('src/web/api/bearer.ts')

export const TOKENS: Mutant[] = [
  access(
    'a token is signed by one of our keys',
    'if (key === undefined) throw new jwtErrors.JWKSNoMatchingKey()\n            return key',
    'return key ?? keyRing.current().then((it) => it.privateKey)',
    'web/api/tokens-forged',
    'that of another key, under every name',
  ),
  access(
    'a token is from this site',
    '            issuer,\n            audience',
    '            audience',
    'web/api/tokens-claims',
    'of another issuer: {"iss":"missing"}',
  ),
  access(
    'a token lasts 15 minutes',
    '            maxTokenAge: ACCESS_TOKEN_SECONDS,\n',
    '',
    'web/api/tokens-claims',
    'is half a minute before the beginning',
  ),
  access(
    'a token is over after its time',
    'currentDate: new Date(now()),',
    'currentDate: new Date(0),',
    'web/api/bearer-ended',
    'signing out',
  ),
  bearer(
    'a token is its session’s user’s',
    'return user?.id === claims.userId ?',
    'return user ?',
    'web/api/tokens-claims',
    'said twice count as they were said last',
  ),
  bearer(
    'a token ends with its session',
    'const user = await findUserOfSession(sql, claims.sid, now())',
    'const user = (await findUserOfSession(sql, claims.sid, now())) ?? (await sql<never>`select * from users where id = ${claims.userId}`)[0]',
    'web/api/bearer-ended',
    'signing out',
  ),
  refresh(
    'a refresh token used twice ends its family',
    "await endFamilyOf(sql, token)\n    return { ok: false, reason: 'reused'",
    "return { ok: false, reason: 'reused'",
    'web/api/refresh-used',
    'after 20 seconds ends its family: no token of it is good any more',
  ),
  refresh(
    'a refresh token is over after 14 days',
    'if (usedAt === null && expiresAt.getTime() <= now) return',
    'if (usedAt === null && now < 0) return',
    'web/api/refresh-limits',
    'is good for 14 days without use, and not a second longer, although its session lives',
  ),
  refresh(
    'a refresh token is good once',
    'if (usedAt !== null && now - usedAt.getTime() > GRACE_MS) {',
    'if (usedAt !== null && now < 0) {',
    'web/api/refresh-used',
    'after 20 seconds ends its family: no token of it is good any more',
  ),
  refresh(
    'of twenty uses at once one makes the successor',
    'where token_hash = ${sha256(token)} and used_at is null and family in',
    'where token_hash = ${sha256(token)} and family in',
    'web/api/refresh-races',
    'leaves no live token and ends well for both, time after time',
  ),
  refresh(
    'no table holds a refresh token',
    'select ${sha256(refreshToken)}, id, ${end} from family',
    'select ${refreshToken}, id, ${end} from family',
    'web/api/refresh-used',
    'is used up by its successor, which has its own time, without any cookie',
  ),
]

/** Settings as operators break them: what the server and `doctor` have to say of each. */
import { SECRET } from './app.ts'
import { HIDDEN } from './keys-cli.ts'

type Broken = {
  what: string
  settings: Record<string, string>
  /** The variable, what is expected, what was found, and an example. */
  says: [variable: string, expected: RegExp, found: RegExp, example: RegExp]
}

/** Good in production. Each row breaks one thing. */
export const GOOD = {
  NODE_ENV: 'production',
  HOST: '127.0.0.1',
  PORT: '0',
  PUBLIC_URL: 'https://learn.example.org',
  TRUST_PROXY: '1',
  APP_SECRETS: SECRET,
  DATABASE_URL: `postgres://learn:${HIDDEN}-pw@db.example.org/learn`,
  MAIL_FROM: 'no-reply@example.org',
}

const ORIGIN = /^PUBLIC_URL=https:\/\/learn\.example\.org$/
const DATABASE = /^DATABASE_URL=postgres:\/\/user:password@/

export const BROKEN: Broken[] = [
  {
    what: 'NODE_ENV in capitals',
    settings: { NODE_ENV: 'Production' },
    says: ['NODE_ENV', /^must be development, test or production$/, /^"Production"$/, /^NODE_ENV=production$/],
  },
  {
    what: 'a port in words',
    settings: { PORT: 'http' },
    says: ['PORT', /^must be a whole number from 0 to 65535$/, /^"http"$/, /^PORT=3000$/],
  },
  {
    what: 'a port beyond the last',
    settings: { PORT: '70000' },
    says: ['PORT', /^must be a whole number/, /^"70000"$/, /^PORT=3000$/],
  },
  {
    what: 'an address with a path to listen on',
    settings: { HOST: 'http://localhost/' },
    says: ['HOST', /^must be an address or a host name$/, /^"http:\/\/localhost\/"$/, /^HOST=127\.0\.0\.1$/],
  },
  {
    what: 'a public address without a scheme',
    settings: { PUBLIC_URL: 'learn.example.org' },
    says: ['PUBLIC_URL', /^must be an origin/, /^"learn\.example\.org"$/, ORIGIN],
  },
  {
    what: 'a public address with a path',
    settings: { PUBLIC_URL: 'https://example.org/learn' },
    says: ['PUBLIC_URL', /without a path$/, /^"https:\/\/example\.org\/learn"$/, ORIGIN],
  },
  {
    what: 'a public address with a password in it',
    settings: { PUBLIC_URL: `https://learn:${HIDDEN}@learn.example.org` },
    says: ['PUBLIC_URL', /^must be an origin/, /^"https:\/\/\*\*\*@learn\.example\.org"$/, ORIGIN],
  },
  {
    what: 'a public address without TLS',
    settings: { PUBLIC_URL: 'http://learn.example.org' },
    says: ['PUBLIC_URL', /^must start with https:\/\/ in production$/, /^"http:\/\/learn\.example\.org"$/, ORIGIN],
  },
  {
    what: 'no public address',
    settings: { PUBLIC_URL: '' },
    says: ['PUBLIC_URL', /^is required in production$/, /^nothing$/, ORIGIN],
  },
  {
    what: 'a database of another kind',
    settings: { DATABASE_URL: `mysql://learn:${HIDDEN}-pw@db.example.org/learn` },
    says: [
      'DATABASE_URL',
      /^must be a URL like postgres:/,
      /^"mysql:\/\/\*\*\*:\*\*\*@db\.example\.org\/learn"$/,
      DATABASE,
    ],
  },
  {
    what: 'a # in the password of the database',
    settings: { DATABASE_URL: `postgres://learn:12#${HIDDEN}@db.example.org/learn` },
    says: ['DATABASE_URL', /%23 for a #/, /^\d\d characters that cannot be read as an address$/, DATABASE],
  },
  {
    what: 'a / in the password of the database',
    settings: { DATABASE_URL: `postgres://learn:${HIDDEN}/pw@db.example.org/learn` },
    says: ['DATABASE_URL', /%2F for a \//, /^\d\d characters that cannot be read as an address$/, DATABASE],
  },
  {
    what: 'a password alone instead of the address of the database',
    settings: { DATABASE_URL: `${HIDDEN}:pw` },
    says: ['DATABASE_URL', /^must be a URL/, /^\d+ characters that cannot be read/, DATABASE],
  },
  {
    what: 'no database',
    settings: { DATABASE_URL: '' },
    says: ['DATABASE_URL', /^is required in production$/, /^nothing$/, DATABASE],
  },
  {
    what: 'an authority that is not there',
    settings: { DATABASE_URL: `${GOOD.DATABASE_URL}?sslrootcert=/nowhere/ca.pem` },
    says: ['DATABASE_URL', /cannot be read$/, /^sslrootcert=\/nowhere\/ca\.pem$/, /\?sslrootcert=\/etc\/ssl\//],
  },
  {
    what: 'a short secret',
    settings: { APP_SECRETS: `${HIDDEN}1` },
    says: ['APP_SECRETS', /32 characters or more/, /^7 characters, 6 different ones$/, /openssl rand -base64 32$/],
  },
  {
    what: 'a secret of one letter',
    settings: { APP_SECRETS: 'a'.repeat(64) },
    says: ['APP_SECRETS', /^must be random text/, /^64 characters, 1 different ones$/, /openssl rand/],
  },
  {
    what: 'an old secret that was cut',
    settings: { APP_SECRETS: `${SECRET},${HIDDEN}` },
    says: [
      'APP_SECRETS',
      /with commas between$/,
      /^2 secrets: 40 characters, .*; 6 characters, 5 different ones$/,
      /openssl/,
    ],
  },
  {
    what: 'no secret',
    settings: { APP_SECRETS: '  ' },
    says: ['APP_SECRETS', /^is required in production$/, /^nothing$/, /openssl rand/],
  },
  {
    what: 'trust in a proxy that is not a number',
    settings: { TRUST_PROXY: 'true' },
    says: ['TRUST_PROXY', /^must be a whole number from 0 to 5$/, /^"true"$/, /^TRUST_PROXY=1$/],
  },
  {
    what: 'https and no proxy',
    settings: { TRUST_PROXY: '0' },
    says: ['TRUST_PROXY', /^must be the number of proxies in front/, /^"0"$/, /^TRUST_PROXY=1$/],
  },
  {
    what: 'a mail server without a scheme',
    settings: { SMTP_URL: 'mail.example.org:587' },
    says: [
      'SMTP_URL',
      /^must be a URL like smtps:/,
      /^20 characters that cannot be read/,
      /^SMTP_URL=smtps:\/\/user:password@/,
    ],
  },
  {
    what: 'a mail server by https',
    settings: { SMTP_URL: `https://user:${HIDDEN}@mail.example.org` },
    says: ['SMTP_URL', /^must be a URL/, /^"https:\/\/\*\*\*:\*\*\*@mail\.example\.org\/"$/, /^SMTP_URL=smtps:/],
  },
  {
    what: 'a name beside the sender of mails',
    settings: { MAIL_FROM: 'Matricula <no-reply@example.org>' },
    says: ['MAIL_FROM', /^must be an email address$/, /^"Matricula <no-reply@example\.org>"$/, /^MAIL_FROM=no-reply@/],
  },
  {
    what: 'mail without a sender',
    settings: { SMTP_URL: 'smtp://127.0.0.1:2525', MAIL_FROM: '' },
    says: ['MAIL_FROM', /^is required with SMTP_URL$/, /^nothing$/, /^MAIL_FROM=no-reply@/],
  },
  {
    what: 'hashes that would take hours',
    settings: { BCRYPT_COST: '20' },
    says: ['BCRYPT_COST', /^must be a whole number from 10 to 14$/, /^"20"$/, /^BCRYPT_COST=12$/],
  },
  {
    what: 'a host with its scheme',
    settings: { ALLOWED_HOSTS: 'https://www.example.org' },
    says: ['ALLOWED_HOSTS', /without scheme, port or path/, /^"https:\/\/www\.example\.org"$/, /^ALLOWED_HOSTS=www\./],
  },
  {
    what: 'a contact for faults without a scheme',
    settings: { SECURITY_CONTACT: 'security@example.org, example.org/report' },
    says: [
      'SECURITY_CONTACT',
      /^must be email addresses, https:\/\/ addresses or tel: numbers/,
      /^"\*\*\*@example\.org, example\.org\/report"$/,
      /^SECURITY_CONTACT=security@example\.org$/,
    ],
  },
  {
    what: 'a policy for faults and nobody to tell',
    settings: { SECURITY_POLICY: 'https://example.org/security' },
    says: ['SECURITY_CONTACT', /^is required with SECURITY_POLICY$/, /^nothing$/, /^SECURITY_CONTACT=security@/],
  },
  {
    what: 'a secret in the wrong variable',
    settings: { LOG_LEVEL: `${HIDDEN}Yf38kQz2mWvR7pLx9TnB4cJd6HsG1a` },
    says: ['LOG_LEVEL', /^must be fatal, error/, /^36 characters, \d+ different ones$/, /^LOG_LEVEL=info$/],
  },
]

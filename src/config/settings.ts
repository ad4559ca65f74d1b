/** The rule of each variable of the environment, how much of it may be shown when it is wrong, and an example of a right value. */
import { z } from 'zod'
import { isStrongSecret, SECRET_MIN_LENGTH } from './secrets.ts'
import { isDecodable, isHostName, isLoopback, isOrigin, listOf, urlWith, wholeNumber } from './variables.ts'

const databaseUrl = urlWith(
  ['postgres:', 'postgresql:'],
  'must be a URL like postgres://user:password@host/database, with %25 for a %, %23 for a # and %2F for a / in a password',
  (url) =>
    url.hash === '' &&
    (url.hostname !== '' || url.searchParams.has('host')) &&
    isDecodable(url.username + url.password + url.pathname),
)

export const Environment = z.object({
  NODE_ENV: z
    .enum(['development', 'test', 'production'], { error: 'must be development, test or production' })
    .default('development'),
  HOST: z
    .string()
    .regex(/^[\w.:-]+$/, 'must be an address or a host name')
    .optional(),
  PORT: wholeNumber(0, 65535).default(3000),
  PUBLIC_URL: urlWith(
    ['http:', 'https:'],
    'must be an origin like https://learn.example.org, without a path',
    (url) => url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '',
  ).optional(),
  DATABASE_URL: databaseUrl.optional(),
  DATABASE_URL_UNPOOLED: databaseUrl.optional(),
  DB_POOL_MAX: wholeNumber(1, 100).default(10),
  APP_SECRETS: listOf(
    isStrongSecret,
    `must be random text, each secret ${SECRET_MIN_LENGTH} characters or more, newest first, with commas between`,
  ).optional(),
  TRUST_PROXY: wholeNumber(0, 5).default(0),
  ALLOWED_HOSTS: listOf(
    isHostName,
    'must be names like www.example.org or [2001:db8::1], without scheme, port or path, with commas between',
  ).default([]),
  TRUSTED_ORIGINS: listOf(
    isOrigin,
    'must be origins like https://front-end.example.org, without a path, with commas between',
  ).default([]),
  KEY_ROTATION_DAYS: wholeNumber(1, 365).default(30),
  DELETION_GRACE_DAYS: wholeNumber(0, 90).default(7),
  SERVICE_KEY: z
    .string()
    .refine(isStrongSecret, { error: `must be random text of ${SECRET_MIN_LENGTH} characters or more` })
    .optional(),
  BCRYPT_COST: wholeNumber(10, 14).default(12),
  PASSWORD_MIN_LENGTH: wholeNumber(8, 64).default(8),
  BREACHED_PASSWORDS_URL: urlWith(
    ['https:', 'http:'],
    'must be an https address like https://api.pwnedpasswords.com/range',
    (url) => (url.protocol === 'https:' || isLoopback(url.href)) && url.href === url.origin + url.pathname,
  ).optional(),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent'], {
      error: 'must be fatal, error, warn, info, debug or silent',
    })
    .default('info'),
  LESSON_BASE_URL: urlWith(
    ['https:', 'http:'],
    'must be an address like https://course.example.org/lessons',
  ).optional(),
  SMTP_URL: urlWith(
    ['smtp:', 'smtps:'],
    'must be a URL like smtps://user:password@mail.example.org, with %25 for a % in a password',
    (url) => url.hostname !== '' && isDecodable(`${url.username}${url.password}-`),
  ).optional(),
  MAIL_FROM: z.email({ error: 'must be an email address' }).optional(),
  MAIL_DIRECTORY: z.string().optional(),
  SUPPORT_EMAIL: z.email({ error: 'must be an email address' }).optional(),
})

/** The names of all variables. `.env.example` lists the same ones. */
export const VARIABLES = Object.keys(Environment.shape)

export type Variable = keyof typeof Environment.shape

/**
 * How much of a wrong value is shown. `secret`: only its length. `credentials`: an address without user, password and
 * parameters. `address`: all but what stands before an @ and behind a question mark. The values of the others are shown.
 */
export const SHOWN: { [Name in Variable]?: 'secret' | 'credentials' | 'address' } = {
  APP_SECRETS: 'secret',
  SERVICE_KEY: 'secret',
  DATABASE_URL: 'credentials',
  DATABASE_URL_UNPOOLED: 'credentials',
  SMTP_URL: 'credentials',
  PUBLIC_URL: 'address',
  ALLOWED_HOSTS: 'address',
  TRUSTED_ORIGINS: 'address',
  BREACHED_PASSWORDS_URL: 'address',
  LESSON_BASE_URL: 'address',
}

export const EXAMPLES: Record<Variable, string> = {
  NODE_ENV: 'production',
  HOST: '127.0.0.1',
  PORT: '3000',
  PUBLIC_URL: 'https://learn.example.org',
  DATABASE_URL: 'postgres://user:password@db.example.org/learn?sslmode=verify-full',
  DATABASE_URL_UNPOOLED: 'postgres://user:password@db.example.org/learn?sslmode=verify-full',
  DB_POOL_MAX: '10',
  APP_SECRETS: 'what this prints: openssl rand -base64 32',
  TRUST_PROXY: '1',
  ALLOWED_HOSTS: 'www.example.org',
  TRUSTED_ORIGINS: 'https://app.example.org',
  KEY_ROTATION_DAYS: '30',
  DELETION_GRACE_DAYS: '7',
  SERVICE_KEY: 'what this prints: openssl rand -base64 32',
  BCRYPT_COST: '12',
  PASSWORD_MIN_LENGTH: '8',
  BREACHED_PASSWORDS_URL: 'https://api.pwnedpasswords.com/range',
  LOG_LEVEL: 'info',
  LESSON_BASE_URL: 'https://course.example.org/lessons',
  SMTP_URL: 'smtps://user:password@mail.example.org',
  MAIL_FROM: 'no-reply@example.org',
  MAIL_DIRECTORY: '',
  SUPPORT_EMAIL: 'help@example.org',
}

/** The rule of each variable of the environment, how much of it may be shown when it is wrong, and an example of a right value. */
import { z } from 'zod'
import { readDatabaseUrl } from './database-url.ts'
import { isStrongSecret, SECRET_MIN_LENGTH } from './secrets.ts'
import { TELEMETRY_VARIABLES } from './telemetry-settings.ts'
import { contactUri, isDecodable, isHostName, isLoopback, isOrigin, listOf, urlWith, wholeNumber } from './variables.ts'

const databaseUrl = z.string().superRefine((text, { addIssue }) => {
  const read = readDatabaseUrl(text)
  if (typeof read === 'string') addIssue(read)
})

export const Environment = z.object({
  NODE_ENV: z
    .enum(['development', 'test', 'production'], { error: 'must be development, test or production' })
    .default('development'),
  HOST: z
    .string()
    .regex(/^[\w.:-]+$/, 'must be an address or a host name')
    .optional(),
  PORT: wholeNumber(0, 65535).default(3000),
  WEB_CONCURRENCY: wholeNumber(1, 200).default(1),
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
  ...TELEMETRY_VARIABLES,
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
  SECURITY_CONTACT: listOf(
    (entry) => contactUri(entry) !== undefined,
    'must be email addresses, https:// addresses or tel: numbers, the preferred one first, with commas between',
  )
    .transform((entries) => entries.flatMap((entry) => contactUri(entry) ?? []))
    .optional(),
  SECURITY_POLICY: urlWith(
    ['https:'],
    'must be an https address like https://example.org/security',
    (url) => url.username + url.password === '',
  ).optional(),
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
  METRICS_TOKEN: 'secret',
  DATABASE_URL: 'credentials',
  DATABASE_URL_UNPOOLED: 'credentials',
  SMTP_URL: 'credentials',
  PUBLIC_URL: 'address',
  ALLOWED_HOSTS: 'address',
  TRUSTED_ORIGINS: 'address',
  BREACHED_PASSWORDS_URL: 'address',
  OTEL_EXPORTER_OTLP_ENDPOINT: 'address',
  LESSON_BASE_URL: 'address',
  SECURITY_CONTACT: 'address',
  SECURITY_POLICY: 'address',
}

export const EXAMPLES: Record<Variable, string> = {
  NODE_ENV: 'production',
  HOST: '127.0.0.1',
  PORT: '3000',
  WEB_CONCURRENCY: '4',
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
  LOG_FORMAT: 'json',
  METRICS_PORT: '9464',
  METRICS_HOST: '127.0.0.1',
  METRICS_TOKEN: 'what this prints: openssl rand -base64 32',
  OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318',
  LESSON_BASE_URL: 'https://course.example.org/lessons',
  SMTP_URL: 'smtps://user:password@mail.example.org',
  MAIL_FROM: 'no-reply@example.org',
  MAIL_DIRECTORY: '',
  SUPPORT_EMAIL: 'help@example.org',
  SECURITY_CONTACT: 'security@example.org',
  SECURITY_POLICY: 'https://example.org/security',
}

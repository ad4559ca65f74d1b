/**
 * The only reader of the environment. A wrong value stops the start, and all wrong variables are named at once. Values are
 * never printed, since some of them are secrets.
 */
import cluster from 'node:cluster'
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { z } from 'zod'
import { hasReadableAuthority, readDatabaseUrl } from './database-url.ts'
import { DATA_DIRECTORY } from './folders.ts'
import { mailOf } from './mail-settings.ts'
import { deriveKey, developmentSecret, isStrongSecret, type KeyPurpose, SECRET_MIN_LENGTH } from './secrets.ts'
import {
  hostNames,
  isDecodable,
  isHostName,
  isLoopback,
  isOrigin,
  listOf,
  parseUrl,
  urlWith,
  wholeNumber,
} from './variables.ts'

export class ConfigError extends Error {
  override name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(
      `Matricula cannot start, the configuration is wrong:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
    )
    this.problems = problems
  }
}

const databaseUrl = z.string().superRefine((text, { addIssue }) => {
  const read = readDatabaseUrl(text)
  if (typeof read === 'string') addIssue(read)
})

const Environment = z.object({
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

export type Config = ReturnType<typeof loadConfig>

/**
 * The checked configuration.
 * @throws {ConfigError} naming every wrong variable at once.
 */
export function loadConfig(environment: Record<string, string | undefined> = processEnvironment()) {
  // A line like `PORT=` in an .env file means that the variable is not set.
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value.trim() !== ''),
  )
  const parsed = Environment.safeParse(given)
  const problems = parsed.success ? [] : parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`)
  problems.push(...problemsBetween(given))
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems)

  const values = parsed.data
  const production = values.NODE_ENV === 'production'
  const workers = values.WEB_CONCURRENCY
  const publicOrigin = values.PUBLIC_URL === undefined ? undefined : new URL(values.PUBLIC_URL).origin
  const issuer = publicOrigin ?? `http://localhost:${values.PORT}`
  const mail = mailOf(values)
  const secrets = values.APP_SECRETS ?? [developmentSecret(DATA_DIRECTORY)]
  return {
    production,
    host: values.HOST ?? (production ? '0.0.0.0' : '127.0.0.1'),
    port: values.PORT,
    /** How many processes serve. What is said of one process below is its share of the whole. */
    workers,
    /** Undefined in development, where the origin is the one that the browser asked for. */
    publicOrigin,
    /** The issuer and audience of access tokens. A backend must require exactly this text (RFC 8725 section 3.8). */
    issuer,
    /** The names that this server answers to. Undefined outside of production, where any will do. */
    ownHosts: production ? hostNames([new URL(issuer).host, ...values.ALLOWED_HOSTS]) : undefined,
    /** Origins of other sites whose scripts may call the API with a learner's cookie. */
    trustedOrigins: values.TRUSTED_ORIGINS,
    keyRotationDays: values.KEY_ROTATION_DAYS,
    /** For how long a deletion can be undone. That needs a mailed link, so without mail an account is deleted at once. */
    deletionGraceDays: mail === undefined ? 0 : values.DELETION_GRACE_DAYS,
    /** The secret with which a backend may ask whether a token is still good. */
    serviceKey: values.SERVICE_KEY,
    secureCookies: publicOrigin?.startsWith('https:') ?? false,
    databaseUrl: values.DATABASE_URL,
    migrationUrl: values.DATABASE_URL_UNPOOLED ?? values.DATABASE_URL,
    /** Connections of one process. With a single one, each query would wait for the one before. */
    poolMax: workers === 1 ? values.DB_POOL_MAX : Math.max(2, Math.floor(values.DB_POOL_MAX / workers)),
    trustProxy: values.TRUST_PROXY,
    bcryptCost: values.BCRYPT_COST,
    passwordMinLength: values.PASSWORD_MIN_LENGTH,
    /** Where leaked passwords are looked up, and how long that may take. Undefined if they are not. */
    breachedPasswordsUrl: values.BREACHED_PASSWORDS_URL?.replace(/\/+$/, ''),
    breachedPasswordsMs: 1_000,
    /** Of one process. One thread for each core: more would only take turns. */
    hashesAtOnce: Math.max(1, Math.floor(availableParallelism() / workers)),
    logLevel: values.LOG_LEVEL,
    /** Where the texts of lessons are: at this address, followed by a slash and the id of the lesson. */
    lessonBaseUrl: values.LESSON_BASE_URL?.replace(/\/+$/, ''),
    supportEmail: values.SUPPORT_EMAIL,
    /** Undefined if no mail can be sent. Everything that needs mail is then off. */
    mail,
    /** One key for each of APP_SECRETS, newest first. The first one is used; the others still verify and open. */
    keys: (purpose: KeyPurpose): Buffer[] => secrets.map((secret) => deriveKey(secret, purpose)),
  }
}

/**
 * The environment of the process, with what an `.env` file in the working folder adds. A worker has what its primary has read:
 * one that starts later must not begin with other settings than the rest.
 */
function processEnvironment(): NodeJS.ProcessEnv {
  if (cluster.isPrimary && existsSync('.env')) process.loadEnvFile('.env')
  return process.env
}

/** Problems that only show when several variables are looked at together. */
function problemsBetween(given: Record<string, string | undefined>): string[] {
  const production = given.NODE_ENV === 'production'
  const problems = ['DATABASE_URL', 'APP_SECRETS', 'PUBLIC_URL']
    .filter((name) => production && given[name] === undefined)
    .map((name) => `${name} is required in production`)
  const unreadable = ['DATABASE_URL', 'DATABASE_URL_UNPOOLED'].filter(
    (name) => !hasReadableAuthority(given[name] ?? ''),
  )
  problems.push(...unreadable.map((name) => `${name} names a file in sslrootcert that cannot be read`))
  const url = parseUrl(given.PUBLIC_URL ?? '')
  if (production && url?.protocol === 'http:' && !isLoopback(url.href)) {
    problems.push('PUBLIC_URL must start with https:// in production')
  }
  if (given.SMTP_URL !== undefined && given.MAIL_FROM === undefined) {
    problems.push('MAIL_FROM is required with SMTP_URL')
  }
  if (given.MAIL_DIRECTORY !== undefined && (production || (url && !isLoopback(url.href)))) {
    problems.push('MAIL_DIRECTORY is for development on this machine: everybody could read the links to accounts')
  }
  // The server itself speaks plain http and only hears of https from a proxy. Without one it would redirect for ever.
  if (url?.protocol === 'https:' && Number(given.TRUST_PROXY ?? 0) === 0) {
    problems.push('TRUST_PROXY must be the number of proxies in front, 1 or more, when PUBLIC_URL is https')
  }
  return problems
}

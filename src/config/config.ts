/**
 * The only reader of the environment. A wrong value stops the start, and all wrong variables are named at once, with what was
 * found: `settings.ts` says of which only the shape is told, since they are secrets.
 */
import cluster from 'node:cluster'
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { DATA_DIRECTORY } from './folders.ts'
import { mailOf } from './mail-settings.ts'
import { ConfigError, problemOf, problemsBetween } from './problems.ts'
import { deriveKey, developmentSecret, type KeyPurpose } from './secrets.ts'
import { Environment } from './settings.ts'
import { telemetryOf } from './telemetry-settings.ts'
import { hostNames } from './variables.ts'

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
  const problems = (parsed.error?.issues ?? []).map(({ path, message }) => {
    const variable = path.join('.')
    return problemOf(variable, message, given[variable])
  })
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
    ...telemetryOf(values),
    /** Where the texts of lessons are: at this address, followed by a slash and the id of the lesson. */
    lessonBaseUrl: values.LESSON_BASE_URL?.replace(/\/+$/, ''),
    supportEmail: values.SUPPORT_EMAIL,
    /** What /.well-known/security.txt says. Undefined if there is none. */
    security: values.SECURITY_CONTACT && { contacts: values.SECURITY_CONTACT, policy: values.SECURITY_POLICY },
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

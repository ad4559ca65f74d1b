/** What the parts of one running server share. Tests make their own, with another clock. */
import { createBreachedPasswords } from './accounts/passwords/breached-passwords.ts'
import { createPasswords } from './accounts/passwords/password-hashing.ts'
import type { OtherLines } from './accounts/passwords/promised-places.ts'
import { createHourly, createLog, type Log } from './base/log.ts'
import { NO_METER } from './base/meter.ts'
import type { Config } from './config/config.ts'
import { createDb } from './database/database.ts'
import { countFunnel } from './learning/funnel.ts'
import { createRateLimits } from './limits/rate-limits.ts'
import { createMailer } from './mail/mailer.ts'
import { createFigures } from './telemetry/figures.ts'
import type { Metrics } from './telemetry/metrics.ts'
import type { Tracing } from './telemetry/tracing.ts'
import { createAccessTokens } from './tokens/access-tokens.ts'
import { createKeyRing } from './tokens/key-ring.ts'
import { createStatusLists } from './tokens/status-lists.ts'

export type Deps = ReturnType<typeof createDeps>

/** `config.databaseUrl` may be the address of the embedded database, which is only known once that runs. */
export function createDeps(
  config: Config & { databaseUrl: string },
  {
    log = createLog(config.logLevel, { format: config.logFormat }),
    now = Date.now,
    otherLines,
    metrics,
    tracing,
  }: {
    log?: Log
    now?: () => number
    otherLines?: OtherLines | undefined
    metrics?: Metrics | undefined
    tracing?: Tracing | undefined
  } = {},
) {
  const { sql, pool, close, connections } = createDb({ url: config.databaseUrl, poolMax: config.poolMax, tracing })
  const meter = metrics?.meter ?? NO_METER
  const [limitsKey = Buffer.alloc(0)] = config.keys('limits')
  const secrets = config.keys('signing-keys')
  const keyRing = createKeyRing({ sql, log, now, secrets, rotationDays: config.keyRotationDays })
  const firstThisHour = createHourly(now)
  const passwords = createPasswords({
    cost: config.bcryptCost,
    peppers: config.keys('pepper'),
    atOnce: config.hashesAtOnce,
    others: otherLines,
    meter,
  })
  metrics?.watch({
    hashing: passwords.load,
    connections,
    figures: createFigures({ sql, log, now, countEverybody: countFunnel }),
    keyRotationDays: config.keyRotationDays,
  })
  return {
    config,
    log,
    firstThisHour,
    now,
    sql,
    closeDb: close,
    meter,
    /** Undefined for a server that is not measured. */
    metrics,
    /** Undefined for a server that makes no traces. */
    tracing,
    passwords,
    breachedPasswords: createBreachedPasswords({
      url: config.breachedPasswordsUrl,
      deadlineMs: config.breachedPasswordsMs,
      log,
      firstThisHour,
    }),
    rateLimits: createRateLimits({ pool, key: limitsKey, meter }),
    keyRing,
    accessTokens: createAccessTokens({ keyRing, issuer: config.issuer, now }),
    statusLists: createStatusLists({ sql, log, now, keyRing, issuer: config.issuer }),
    /** To compute successors of refresh tokens. */
    refreshKeys: config.keys('refresh-tokens'),
    /** To seal and mark forms that are kept during a login. */
    keptFormKeys: config.keys('kept-forms'),
    /** To sign the cookies of devices that have logged in. */
    knownDeviceKeys: config.keys('known-devices'),
    /** To seal the secrets of second steps. */
    secondStepKeys: config.keys('second-step'),
    /** To sign the cookies of devices that skip the second step for a while. */
    secondStepDeviceKeys: config.keys('second-step-devices'),
    /** To hash the codes of mails. */
    mailedCodeKeys: config.keys('mailed-codes'),
    /** To sign the challenges of passkeys. */
    passkeyKeys: config.keys('passkeys'),
    mail: createMailer({ config: config.mail, origin: config.issuer, keys: config.keys('outbox'), sql, now, log }),
    pool,
  }
}

import { type Request, Router } from 'express'
import { hostName } from '../../config/variables.ts'
import { NEWEST_SCHEMA, requireWrites, schemaVersion } from '../../database/migrate.ts'
import type { Deps } from '../../deps.ts'
import { countLateMails } from '../../mail/outbox.ts'
import { CLAIMED_ADDRESS, DOCTOR_HEADER, isDoctorPass, type SeenOfProxy } from '../../tokens/doctor-passes.ts'
import { methodNotAllowed } from '../middleware/errors.ts'

/** Health checks come often. One look at the database answers all of them for this long. */
const ASKED_AGAIN_AFTER_MS = 5_000

type Check = 'ok' | 'failing'
type Readiness = { database: Check; writable: Check; schema: Check; signingKey: Check }
type Mail = 'ok' | 'late' | 'off'

/**
 * `live` says that the process runs. `ready` says that it can serve: the database answers and accepts writes, the schema
 * is up to date, there is a key to sign with, and the server is not stopping. Late mail is reported, but does not count.
 * `proxy` tells the operator's `doctor` what arrives of the proxies in front.
 */
export function healthPages(deps: Deps, isStopping: () => boolean): Router {
  let asked: { at: number; answer: Promise<{ checks: Readiness; mail: Mail }> } | undefined
  const readiness = () => {
    const at = performance.now()
    if (asked === undefined || at - asked.at > ASKED_AGAIN_AFTER_MS) asked = { at, answer: look(deps) }
    return asked.answer
  }

  const router = Router()
  router
    .route('/health/live')
    .get((_req, res) => res.json({ status: 'ok' }))
    .all(methodNotAllowed)
  router
    .route('/health/ready')
    .get(async (_req, res) => {
      const { mail, ...found } = await readiness()
      const checks = { ...found.checks, accepting: isStopping() ? 'failing' : 'ok' }
      const ready = Object.values(checks).every((check) => check === 'ok')
      res.status(ready ? 200 : 503).json({ status: ready ? 'ok' : 'failing', checks, mail })
    })
    .all(methodNotAllowed)
  router.get('/health/proxy', (req, res, next) => {
    // For nobody else: it would tell a stranger how to pose as another address.
    if (!isDoctorPass(deps.config.keys('doctor'), req.get(DOCTOR_HEADER), deps.now())) return next()
    res.json(seenOfProxy(req, deps))
  })
  return router
}

function seenOfProxy(req: Request, { config }: Deps): SeenOfProxy {
  const forwarded = (req.get('x-forwarded-for') ?? '').split(',').map((entry) => entry.trim())
  const host = req.get('host') ?? ''
  return {
    scheme: req.protocol,
    forwarded: forwarded.filter((entry) => entry !== '').length,
    claimKept: forwarded.includes(CLAIMED_ADDRESS),
    believed: req.ip === CLAIMED_ADDRESS,
    host,
    isOwnHost: config.ownHosts?.has(hostName(host) ?? '') ?? true,
    trustProxy: config.trustProxy,
  }
}

async function look({ sql, keyRing, mail }: Deps): Promise<{ checks: Readiness; mail: Mail }> {
  const [version, written, key, late] = await Promise.allSettled([
    schemaVersion(sql),
    requireWrites(sql),
    keyRing.current(),
    countLateMails(sql),
  ])
  const checks = {
    database: asCheck(version.status === 'fulfilled'),
    writable: asCheck(written.status === 'fulfilled'),
    schema: asCheck(version.status === 'fulfilled' && version.value >= NEWEST_SCHEMA),
    signingKey: asCheck(key.status === 'fulfilled'),
  }
  if (!mail.enabled) return { checks, mail: 'off' }
  return { checks, mail: late.status === 'fulfilled' && late.value > 0 ? 'late' : 'ok' }
}

const asCheck = (good: boolean): Check => (good ? 'ok' : 'failing')

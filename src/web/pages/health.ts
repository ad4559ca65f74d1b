import { Router } from 'express'
import { NEWEST_SCHEMA, requireWrites, schemaVersion } from '../../database/migrate.ts'
import type { Deps } from '../../deps.ts'
import { countLateMails } from '../../mail/outbox.ts'
import { methodNotAllowed } from '../middleware/errors.ts'

/** Health checks come often. One look at the database answers all of them for this long. */
const ASKED_AGAIN_AFTER_MS = 5_000

type Check = 'ok' | 'failing'
type Readiness = { database: Check; writable: Check; schema: Check; signingKey: Check }
type Mail = 'ok' | 'late' | 'off'

/**
 * `live` says that the process runs. `ready` says that it can serve: the database answers and accepts writes, the schema
 * is up to date, there is a key to sign with, and the server is not stopping. Late mail is reported, but does not count.
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
  return router
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

import { Router } from 'express'
import type { Deps } from '../../deps.ts'
import { NEWEST_SCHEMA, schemaVersion } from '../../migrate.ts'
import { methodNotAllowed } from '../errors.ts'

/** Probes come often: one look at the database serves all of them for this long. */
const ASKED_AGAIN_AFTER_MS = 5_000

type Check = 'ok' | 'failing'
type Readiness = { database: Check; schema: Check }

/** `live` says that the process runs, `ready` that it can serve: the database answers, the schema is current, no shutdown. */
export function healthPages(deps: Deps, isStopping: () => boolean): Router {
  let asked: { at: number; answer: Promise<Readiness> } | undefined
  const readiness = (): Promise<Readiness> => {
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
      const checks = { ...(await readiness()), accepting: isStopping() ? 'failing' : 'ok' }
      const ready = Object.values(checks).every((check) => check === 'ok')
      res.status(ready ? 200 : 503).json({ status: ready ? 'ok' : 'failing', checks })
    })
    .all(methodNotAllowed)
  return router
}

const look = ({ sql }: Deps): Promise<Readiness> =>
  schemaVersion(sql).then(
    (version) => ({ database: 'ok', schema: version >= NEWEST_SCHEMA ? 'ok' : 'failing' }),
    () => ({ database: 'failing', schema: 'failing' }),
  )

/**
 * This app as `dist/server.js` runs it, with two differences: passwords are hashed at bcrypt's lowest cost, so that a login
 * shows what its look-ups cost, and `/prune?before=<time>` clears away the sessions that were over then.
 */
import { createServer } from 'node:http'
import { createApp } from '../../../dist/app.js'
import { loadConfig } from '../../../dist/config/config.js'
import { pruneAll } from '../../../dist/database/pruning.js'
import { createDeps } from '../../../dist/deps.js'
import { OLD_SESSIONS } from '../../../dist/sessions/sessions.js'

const LOWEST_COST = 4

const config = { ...loadConfig(), bcryptCost: LOWEST_COST }
const deps = createDeps(config)
const { listener } = createApp(deps)

async function prune(url, res) {
  const before = Number(new URL(url, 'http://localhost').searchParams.get('before'))
  const startedAt = performance.now()
  const rows = await pruneAll(deps.sql, OLD_SESSIONS, () => before)
  res.end(JSON.stringify({ rows, milliseconds: performance.now() - startedAt }))
}

await deps.keyRing.load()
createServer((req, res) => {
  if (req.url.startsWith('/prune')) void prune(req.url, res)
  else listener(req, res)
}).listen(config.port, config.host)

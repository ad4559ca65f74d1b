/**
 * The ceiling: `node:http` with nothing around the work. For a session, the one select that it costs; for the keys, the
 * app's answer from memory.
 */
import { createServer } from 'node:http'
import postgres from 'postgres'
import { copyAnswer } from './copied-answer.mjs'

const { DATABASE_URL, DB_POOL_MAX, ORIGINAL, PORT } = process.env
const sql = postgres(DATABASE_URL ?? '', { max: Number(DB_POOL_MAX) })
const keys = await copyAnswer(`${ORIGINAL}/api/auth/jwks`, {})

createServer(async (req, res) => {
  if (req.url === '/api/auth/jwks') {
    res.writeHead(200, keys.headers).end(keys.body)
    return
  }
  try {
    const sid = req.headers.cookie?.slice('sid='.length) ?? ''
    const [row] = await sql`
      select s.handle, s.expire, s.created_at, s.ip_address, s.user_agent, u.id, u.name, u.email
      from sessions s join users u on u.id = s.user_id
      where s.sid = ${sid}`
    res.setHeader('Content-Type', 'application/json')
    res.end(JSON.stringify(row ?? null))
  } catch {
    res.statusCode = 500
    res.end()
  }
}).listen(Number(PORT), '127.0.0.1')

/** The ceiling: `node:http` and the one select that a session costs, with nothing around them. */
import { createServer } from 'node:http'
import postgres from 'postgres'

const { DATABASE_URL, DB_POOL_MAX, PORT } = process.env
const sql = postgres(DATABASE_URL ?? '', { max: Number(DB_POOL_MAX) })

createServer(async (req, res) => {
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

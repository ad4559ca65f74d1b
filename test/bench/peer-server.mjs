/** The peer of the comparison: Better Auth on Express 5, with the `jwt` plugin beside it, set up as its manual shows. */
import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { toNodeHandler } from 'better-auth/node'
import { jwt } from 'better-auth/plugins'
import express from 'express'
import pg from 'pg'

const { DATABASE_URL, DB_POOL_MAX, PORT, PUBLIC_URL, SECRET } = process.env

const auth = betterAuth({
  baseURL: PUBLIC_URL,
  secret: SECRET,
  database: new pg.Pool({ connectionString: DATABASE_URL, max: Number(DB_POOL_MAX) }),
  emailAndPassword: { enabled: true },
  plugins: [jwt()],
  // Its limits would answer 429 to a load from one address.
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
})

const { runMigrations } = await getMigrations(auth.options)
await runMigrations()

const app = express()
app.all('/api/auth/{*rest}', toNodeHandler(auth))
app.listen(Number(PORT), '127.0.0.1')

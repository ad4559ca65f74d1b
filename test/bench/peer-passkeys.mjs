/**
 * The real Better Auth with its `passkey` plugin, in memory, for `test/support/record-passkeys.ts`. The plugin asks for other
 * versions of the packages beside it, so it is installed apart: `npm install --legacy-peer-deps better-auth@1.7.25 @better-auth/passkey@1.7.6`
 * in an empty folder, with a copy of this file.
 */
import { createServer } from 'node:http'
import { passkey } from '@better-auth/passkey'
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { toNodeHandler } from 'better-auth/node'

const port = Number(process.argv[2] ?? 4180)
const url = `http://127.0.0.1:${port}`
const auth = betterAuth({
  baseURL: url,
  appName: 'Matricula',
  secret: 'a-secret-of-better-auth-0123456789abcdef',
  database: memoryAdapter({ user: [], session: [], account: [], verification: [], passkey: [] }),
  emailAndPassword: { enabled: true },
  plugins: [passkey()],
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { disabled: true },
})
createServer(toNodeHandler(auth)).listen(port, '127.0.0.1', () => console.log(url))

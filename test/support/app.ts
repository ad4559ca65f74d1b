/** The real app on a real port with its own database. Only the clock is replaced: tests can move it. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after } from 'node:test'
import { type AppOptions, createApp } from '../../src/app.ts'
import { createLog } from '../../src/base/log.ts'
import { loadConfig } from '../../src/config/config.ts'
import { freePort } from '../../src/database/embedded/port.ts'
import { createDeps } from '../../src/deps.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { answerUnreadable } from '../../src/web/middleware/unreadable.ts'
import { createDatabase } from './database.ts'
import { createLeakWatch } from './leaks.ts'
import type { Mailbox } from './mailbox.ts'

export type TestApp = Awaited<ReturnType<typeof startApp>>

export const SECRET = 'a-secret-of-the-tests-0123456789abcdefgh'

/** Settings as in production: one proxy in front, which ends TLS. */
export const BEHIND_TLS = { PUBLIC_URL: 'https://learn.example.org', TRUST_PROXY: '1' }

/** The lowest cost that bcrypt accepts, for tests that are not about hashing. The configuration would refuse it. */
const QUICK_COST = 4

const PATIENCE_MS = 30_000

/**
 * Starts an app for one test file and closes it afterwards. `databaseUrl` shares the database of another app.
 */
export async function startApp(
  environment: Record<string, string> = {},
  {
    databaseUrl,
    store,
    atPublicUrl = false,
    mailbox,
    patient = false,
    watched = true,
  }: {
    databaseUrl?: string
    /** Sets PUBLIC_URL to the app's real address, as an operator does; `localhost` for what needs a name. */
    atPublicUrl?: boolean | 'localhost'
    /** Where its mails go. Without a mailbox the app sends no mail. */
    mailbox?: Pick<Mailbox, 'url'> & Partial<Pick<Mailbox, 'letters'>>
    /** Waits for the service that knows leaked passwords as long as a busy machine may take. */
    patient?: boolean
    /** Looks for secrets in every answer. Somebody who sends a hundred thousand requests looks for them in other ways. */
    watched?: boolean
    store?: (deps: ReturnType<typeof createDeps>) => AppOptions['store']
  } = {},
) {
  const wantedPort = atPublicUrl ? await freePort() : 0
  const url = databaseUrl ?? (await createDatabase())
  const config = loadConfig({
    NODE_ENV: 'test',
    APP_SECRETS: SECRET,
    DB_POOL_MAX: '5',
    DATABASE_URL: url,
    ...(atPublicUrl
      ? { PUBLIC_URL: `http://${atPublicUrl === 'localhost' ? 'localhost' : '127.0.0.1'}:${wantedPort}` }
      : {}),
    ...(mailbox ? { SMTP_URL: mailbox.url, MAIL_FROM: 'no-reply@matricula.example' } : {}),
    ...environment,
  })
  const logLines: string[] = []
  let ahead = 0
  const deps = createDeps(
    {
      ...config,
      databaseUrl: url,
      bcryptCost: environment.BCRYPT_COST ? config.bcryptCost : QUICK_COST,
      breachedPasswordsMs: patient ? PATIENCE_MS : config.breachedPasswordsMs,
    },
    {
      log: createLog('info', { destination: { write: (line) => void logLines.push(line) } }),
      now: () => Date.now() + ahead,
      metrics: config.metrics && createMetrics(),
    },
  )
  const madeStore = store?.(deps)
  const { listener: serve } = createApp(deps, madeStore ? { store: madeStore } : {})
  const leaks = createLeakWatch()
  const server = createServer({ requireHostHeader: false }, (req, res) => {
    if (watched) leaks.watch(res, req.url ?? '')
    serve(req, res)
  })
  answerUnreadable(server, deps)
  await new Promise<void>((resolve) => server.listen(wantedPort, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  deps.mail.start()
  const close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await deps.mail.stop()
    await deps.closeDb()
  }
  after(async () => {
    await close()
    const mailed = mailbox?.letters?.map(({ link }) => new URL(link || url).pathname.split('/').at(-1) ?? '') ?? []
    assert.deepEqual(leaks.found(logLines.join(''), mailed.filter(isToken)), [], 'nothing secret leaves the app')
  })
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    databaseUrl: url,
    deps,
    sql: deps.sql,
    /** Everything logged so far. */
    log: () => logLines.join(''),
    /** The same, and forgets it. */
    takeLog: () => logLines.splice(0).join(''),
    /** Moves the clock of the app. */
    advance: (milliseconds: number) => {
      ahead += milliseconds
    },
    close,
  }
}

const isToken = (text: string): boolean => /^[A-Za-z0-9]{24}$/.test(text)

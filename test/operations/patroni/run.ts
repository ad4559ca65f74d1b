/**
 * `npm run patroni`: three nodes of PostgreSQL under Patroni, HAProxy and two servers of ours, under load. The machine of the
 * primary is lost, and afterwards everything that was answered must be there. Options: `--asynchronous`; `--hosts` without
 * HAProxy, by an address with three hosts; `--seconds 40`, how long there is load. `--held-back` shows that the run would see
 * a loss: asynchronous, with stand-bys that get nothing in the last seconds before it.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { ROOT } from '../../../src/config/folders.ts'
import { freePort } from '../../../src/database/embedded/port.ts'
import { migrate } from '../../../src/database/migrate.ts'
import { check } from './check.ts'
import { missingPackages, startCluster } from './cluster.ts'
import { prepareLogin, walk } from './learner.ts'
import { createLedger, KINDS } from './ledger.ts'
import { live, openMailServer } from './load.ts'
import { cleanUp, isRunning, startProgram, until } from './programs.ts'

const AT_ONCE = 16
const BEFORE_SECONDS = 8
/** Long enough for everything that people do to be answered and lost. */
const HELD_BACK_SECONDS = 4
/** Load goes on for so long after the first write, so that people finish what they were at. */
const AFTER_SECONDS = 8
/** The whole run, whatever happens. */
const GIVE_UP_MS = 240_000

const { values: options } = parseArgs({
  options: {
    asynchronous: { type: 'boolean', default: false },
    'held-back': { type: 'boolean', default: false },
    hosts: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '45' },
  },
})
const seconds = Math.min(120, Math.max(30, Number(options.seconds) || 45))
const say = (line: string) => console.log(line)

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void end(1))
setTimeout(() => {
  console.error(`not done after ${GIVE_UP_MS / 1_000} s`)
  void end(1)
}, GIVE_UP_MS).unref()

async function end(code: number) {
  await cleanUp()
  process.exit(code)
}

async function main(): Promise<number> {
  const missing = missingPackages()
  if (missing.length > 0 || process.platform !== 'linux') {
    say(
      `Left out: this needs Linux with ${missing.join(', ') || 'Debian’s packages'} (apt-get install patroni etcd-server haproxy postgresql).`,
    )
    return 0
  }
  const heldBack = options['held-back']
  const synchronous = !options.asynchronous && !heldBack
  const from = Date.now()
  const cluster = await startCluster({ synchronous })
  const upSeconds = (Date.now() - from) / 1_000
  const url = options.hosts ? cluster.urls.hosts : cluster.urls.proxy
  // HAProxy looks once a second.
  await until('the schema', 30, async () => (await migrate(url)) >= 0)
  const mails = await openMailServer()
  const sites = [await startSite(cluster.folder, url, mails.url), await startSite(cluster.folder, url, mails.url)]

  const ledger = createLedger()
  const overAt = Date.now() + 1_000 * seconds
  let isOver = () => Date.now() > overAt
  const course = { isOver: () => isOver() }
  const load = Promise.all(
    Array.from({ length: AT_ONCE }, (_, index) => live(ledger, course, index % 2 === 0 ? { sites, mails } : { sites })),
  )
  const walking = walk(sites, course)
  const logIn = await prepareLogin(sites)
  await sleep(1_000 * BEFORE_SECONDS)

  const release = heldBack ? await cluster.holdBack() : undefined
  if (heldBack) await sleep(1_000 * HELD_BACK_SECONDS)
  const killedAt = Date.now()
  const lostNode = await cluster.killPrimary()
  release?.()
  const login = logIn()
  const { firstAfterSeconds, gapSeconds } = await until('the first write', seconds, () => {
    const gap = ledger.gapAfter(killedAt)
    return gap.firstAfterSeconds !== undefined && gap
  })
  const stopAt = Math.min(overAt, Date.now() + 1_000 * AFTER_SECONDS)
  isOver = () => Date.now() > stopAt
  const [walked, logins503] = [await walking, await login]
  await load
  const newPrimary = await cluster.primary()
  const { lost, revived, twice } = await check(ledger, walked, cluster.urlAt(newPrimary))
  const back = await cluster.bringBack(lostNode)

  const count = (rows: { bad: number }[]) => rows.reduce((sum, { bad }) => sum + bad, 0)
  const both = sites.every(({ child }) => isRunning(child))
  say(
    `\nPostgreSQL ${cluster.version} under Patroni, ${synchronous ? 'synchronous' : 'asynchronous'}, ${options.hosts ? 'three hosts in DATABASE_URL' : 'behind HAProxy'}\n`,
  )
  table([
    ['the cluster was up after', `${upSeconds.toFixed(0)} s`],
    ['primary lost, and the new one', `${lostNode.name}, ${newPrimary.name}`],
    ['first write answered after', `${(firstAfterSeconds ?? 0).toFixed(1)} s`],
    ['longest time without one', `${(gapSeconds ?? 0).toFixed(1)} s`],
    ...KINDS.map((kind) => [`${kind}: answered, not answered`, `${ledger.answered[kind]}, ${ledger.unanswered[kind]}`]),
    ['lessons that the learner did', String(walked.done.length)],
    ['pages, forms and logins that got 503', `${walked.pages503}, ${walked.forms503}, ${logins503}`],
    ['both servers lived', both ? 'yes' : 'no'],
    ['the lost node follows again after', `${back.seconds.toFixed(0)} s, ${back.how}`],
  ])
  for (const [name, rows] of Object.entries({ lost, revived, twice })) {
    say('')
    table(rows.map(({ what, checked, bad }) => [`${name}: ${what}`, `${bad} of ${checked}`]))
  }
  const wrong = [
    ...(synchronous && count(lost) > 0 ? ['something that was answered is lost'] : []),
    ...(synchronous && count(revived) > 0 ? ['something that was ended lives again'] : []),
    ...(heldBack ? unseen(lost) : []),
    ...(count(twice) > 0 ? ['something is there twice'] : []),
    ...(both ? [] : ['a server has ended']),
    ...(walked.forms503 === 0 || logins503 === 0 ? ['nobody’s form has met the outage, so nothing is shown'] : []),
    ...(walked.done.length < 3 ? ['the learner did not get on'] : []),
  ]
  say(wrong.length === 0 ? '\nAll is as it should be.' : `\nNot good: ${wrong.join('; ')}.`)
  return wrong.length === 0 ? 0 : 1
}

/** What must be lost when the stand-bys were held back. All else may happen to be spared. */
const unseen = (rows: { what: string; bad: number }[]): string[] =>
  ['sign-ups', 'marks of lessons'].flatMap((wanted) =>
    rows.some(({ what, bad }) => what === wanted && bad > 0) ? [] : [`no loss is seen of ${wanted}`],
  )

async function startSite(folder: string, databaseUrl: string, smtpUrl: string) {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const child = startProgram({
    file: process.execPath,
    args: [`${ROOT}/dist/server.js`],
    folder,
    log: `site-${port}`,
    env: {
      NODE_ENV: 'test',
      PORT: String(port),
      DATABASE_URL: databaseUrl,
      DB_POOL_MAX: '10',
      APP_SECRETS: 'a-secret-on-loopback-0123456789abcdefgh',
      BCRYPT_COST: '10',
      TRUST_PROXY: '1',
      SMTP_URL: smtpUrl,
      MAIL_FROM: 'no-reply@matricula.example',
      LOG_LEVEL: 'warn',
    },
  })
  await until('a server', 30, async () => (await fetch(`${url}/health/ready`)).ok)
  return { url, child }
}

function table(rows: string[][]) {
  const width = Math.max(...rows.map(([what = '']) => what.length))
  for (const [what = '', value = ''] of rows) say(`${what.padEnd(width)}  ${value}`)
}

await main().then(end, async (error: unknown) => {
  console.error(error)
  await end(1)
})

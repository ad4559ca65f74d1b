/**
 * `npm run bench -- --growth`: the same thousand people ask for the same things, once where they are all there is, and once
 * among a million. Then half a million expired sessions are cleared away while sessions are being read.
 */
import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import { migrate } from '../../../src/database/migrate.ts'
import { markdown, median, rounded, spread } from '../figures.ts'
import { LOADS, type Load, verify } from '../loads.ts'
import type { Run } from '../processes.ts'
import { type Figures, failures, ratio } from '../report.ts'
import { measure, WARM_UP_SECONDS } from '../rounds.ts'
import { createDatabase, signUp, start, type Target } from '../targets.ts'
import { populate } from './population.ts'
import { type ProcessorTime, processorTime } from './processor-time.ts'
import { pruneBesideLoad } from './prune-beside-load.ts'
import { sizes } from './sizes.ts'

/** So many ask. */
const PEOPLE = 1_000
/** The sessions that are over are cleared away in so many rounds. */
const GROUPS = 3

const DEVICES: Load = {
  name: 'device list',
  connections: 16,
  on: ['Matricula'],
  request: ({ cookie }) => ({
    method: 'GET',
    path: '/account/sessions',
    headers: { accept: 'text/html', 'accept-encoding': 'gzip, br', cookie },
  }),
  isRight: ({ text }) => text.includes('Chrome on Windows') && text.includes('Logged in'),
}

const named = (name: string): Load => {
  const load = LOADS.find((one) => one.name === name)
  if (load === undefined) throw new Error(`there is no load ${name}`)
  return load
}

type Options = { rounds: number; seconds: number; learners: number }

export async function growth(
  run: Run,
  { serverUrl, directory }: { serverUrl: string; directory: string },
  { rounds, seconds, learners }: Options,
): Promise<string> {
  const few = await startAmong(run, PEOPLE, serverUrl, directory)
  const many = await startAmong(run, learners, serverUrl, directory)
  const weights = await sizes(many.databaseUrl, learners)
  // Hashes are cheap here, so a login is a matter of look-ups and there may be as many as of the others.
  const login = { ...named('sign-in'), name: 'login, cost 4', connections: DEVICES.connections }
  const loads = [named('get-session'), login, named('dashboard'), DEVICES]
  const speeds: string[][] = []
  const costs: string[][] = []
  for (const load of loads) {
    const measured = await compare(run, load, [few, many], { rounds, seconds })
    speeds.push([load.name, ...speed(measured)])
    costs.push([load.name, ...cost(measured)])
  }
  const pruning = await pruneBesideLoad(run, many, { load: named('get-session'), groups: GROUPS })
  const counts = [PEOPLE, learners].map((count) => count.toLocaleString('en'))
  const speedHead = counts.flatMap((count) => [`among ${count}: requests/s`, 'p50 ms', 'p99 ms'])
  const costHead = ['server', 'database'].flatMap((where) => counts.map((count) => `${where}, among ${count}`))
  return [
    markdown(['request', ...speedHead, 'ratio', 'failed'], speeds, 1),
    markdown(['microseconds of a core', ...costHead, 'ratio'], costs, 1),
    weights,
    pruning,
  ].join('\n\n')
}

type Started = Target & { databaseUrl: string }

async function startAmong(run: Run, learners: number, serverUrl: string, directory: string): Promise<Started> {
  const databaseUrl = await createDatabase(run, serverUrl)
  await migrate(databaseUrl)
  const secret = randomBytes(32).toString('base64url')
  const target = await start(run, directory, 'Matricula', 'test/bench/growth/server.mjs', '/health/ready', {
    DATABASE_URL: databaseUrl,
    APP_SECRETS: secret,
  })
  const startedAt = performance.now()
  const passwordHash = await hashOf(run, target, databaseUrl)
  const people = await populate({
    signal: run.signal,
    databaseUrl,
    learners,
    known: PEOPLE,
    groups: GROUPS,
    passwordHash,
    secret,
  })
  const took = rounded((performance.now() - startedAt) / 1_000)
  console.error(`${learners.toLocaleString('en')} learners written in ${took} s`)
  return { ...target, people, databaseUrl }
}

/** Of a first learner, who signs up; all others have the same password. */
async function hashOf(run: Run, target: Target, databaseUrl: string): Promise<string> {
  await signUp(run, { ...target, people: [] }, 1)
  const client = postgres(databaseUrl, { max: 1 })
  try {
    const [row] = await client<{ password_hash: string }[]>`select password_hash from users`
    if (row === undefined) throw new Error('nobody has signed up')
    return row.password_hash
  } finally {
    await client.end({ timeout: 5 })
  }
}

/** Of one side in one round. */
type Measured = Figures & { cost: ProcessorTime }
type Compared = { few: Measured[]; many: Measured[] }

/** In each round one side and then the other, the first one in turns. */
async function compare(
  run: Run,
  load: Load,
  sides: readonly [Started, Started],
  { rounds, seconds }: Pick<Options, 'rounds' | 'seconds'>,
): Promise<Compared> {
  const figures = new Map<Target, Measured[]>(sides.map((side) => [side, []]))
  for (const side of sides) await verify(load, side, run.signal)
  for (const side of sides) await measure(run, { load, target: side }, { seconds: WARM_UP_SECONDS, warmUpSeconds: 0 })
  for (let round = 1; round <= rounds; round += 1) {
    for (const side of round % 2 === 1 ? sides : sides.toReversed()) {
      console.error(`round ${round}: ${load.name}, ${side === sides[0] ? 'few' : 'many'}`)
      figures.get(side)?.push(await measureWithCost(run, load, side, seconds))
    }
  }
  const [few = [], many = []] = sides.map((side) => figures.get(side) ?? [])
  return { few, many }
}

function speed({ few, many }: Compared): string[] {
  const cells = (all: readonly Measured[]) => [
    spread(all.map(({ perSecond }) => perSecond)),
    rounded(median(all.map(({ p50 }) => p50))),
    rounded(median(all.map(({ p99 }) => p99))),
  ]
  return [...cells(few), ...cells(many), ratio({ rounds: many }, { rounds: few }), failures([...few, ...many])]
}

/** The ratio is that of speeds: what a request takes in both programs among few, to the same among many. */
function cost({ few, many }: Compared): string[] {
  const middle = (all: readonly Measured[], where: keyof ProcessorTime) => median(all.map(({ cost }) => cost[where]))
  const all = (side: readonly Measured[]) => (middle(side, 'server') ?? 0) + (middle(side, 'database') ?? 0)
  const cells = (['server', 'database'] as const).flatMap((where) => [middle(few, where), middle(many, where)])
  return [...cells.map(rounded), all(many) > 0 ? `${rounded(all(few) / all(many))} ×` : '-']
}

async function measureWithCost(run: Run, load: Load, side: Started, seconds: number): Promise<Measured> {
  const time = () => processorTime(side.server.pid, side.databaseUrl)
  const before = await time()
  const figures = await measure(run, { load, target: side }, { seconds, warmUpSeconds: 0 })
  const after = await time()
  const answers = Object.values(figures.statuses).reduce((sum, count) => sum + count, 0)
  const each = (where: keyof ProcessorTime) => {
    const [from, to] = [before[where], after[where]]
    return from === undefined || to === undefined ? undefined : (to - from) / answers
  }
  return { ...figures, cost: { server: each('server'), database: each('database') } }
}

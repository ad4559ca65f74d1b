/** The metrics in Prometheus' text format, by prom-client. Loaded only where metrics are wanted. */
import {
  AggregatorRegistry,
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type MetricObject,
  Registry,
} from 'prom-client'
import { type Counted, FIXED_OUTCOMES, type Meter } from '../base/meter.ts'
import type { Figures } from './figures.ts'

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
/** In seconds. Pages should come in 0.1, and whoever waits for a hash is answered within 2. */
const REQUEST_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const WAIT_BUCKETS = [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 5]

/** What is looked up when the metrics are asked for. Times are in milliseconds. */
export type Sources = {
  hashing: () => { waiting: number; running: number; threads: number; expectedWait: number }
  connections: () => { busy: number; idle: number; waiting: number; max: number }
  figures: () => Promise<Figures | undefined>
  keyRotationDays: number
}

/** The metrics of one process, as they go to another that adds them up. */
export type Readings = MetricObject[]

export type Metrics = ReturnType<typeof createMetrics>

export function createMetrics() {
  /** Of this process, to be added to those of other workers. */
  const own = new Registry()
  /** The same whichever process is asked. */
  const shared = new Registry()
  collectDefaultMetrics({ register: own })
  // Sums of others beside them, under names that Prometheus keeps for counters.
  for (const what of ['handles', 'requests', 'resources']) own.removeSingleMetric(`nodejs_active_${what}_total`)
  const meter = createMeter(own)
  let askOthers = async (): Promise<Readings[]> => []

  return {
    meter,
    contentType: own.contentType,
    watch(sources: Sources): void {
      watchProcess(own, sources)
      watchDatabase(shared, sources)
    },
    /** Where the readings of the other workers come from. */
    addTo(others: () => Promise<Readings[]>): void {
      askOthers = others
    },
    readings: async (): Promise<Readings> => (await own.getMetricsAsJSON()) as Readings,
    /** All of it, those of other workers added. @throws when one of them does not answer. */
    async text(): Promise<string> {
      const [others, ofDatabase] = await Promise.all([askOthers(), shared.metrics()])
      const added = others.length === 0 ? own : addUp([(await own.getMetricsAsJSON()) as Readings, ...others])
      return `${await added.metrics()}\n${ofDatabase}`
    },
  }
}

const addUp = (readings: Readings[]): Registry => AggregatorRegistry.aggregate(readings)

/** Each combination of labels is looked up once and kept, since most requests repeat one. */
function createMeter(register: Registry): Meter {
  const registers = [register]
  const requests = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from a request to the end of its answer, by the pattern of its route. Health checks are left out.',
    labelNames: ['method', 'route', 'status'],
    buckets: REQUEST_BUCKETS,
    registers,
  })
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Counter({ name, help, labelNames, registers })
  const outcomes: Record<Counted, Counter<'outcome'>> = {
    login: counter(
      'matricula_logins_total',
      'Logins, by how they ended; where there is a second step, once that is done.',
      ['outcome'],
    ),
    'sign-up': counter('matricula_sign_ups_total', 'Sign-ups, by how they ended.', ['outcome']),
  }
  const refusals = counter('matricula_limit_refusals_total', 'Tries that were refused, by the limit.', ['limit'])
  const sentAway = counter('matricula_hashes_refused_total', 'Passwords that would have waited too long to be checked.')
  const waits = new Histogram({
    name: 'matricula_hash_wait_seconds',
    help: 'How long a password waited for a thread that checks it.',
    buckets: WAIT_BUCKETS,
    registers,
  })
  // A rate needs the zero before the first one.
  for (const one of Object.values(outcomes)) for (const outcome of FIXED_OUTCOMES) one.inc({ outcome }, 0)
  for (const outcome of ['wrong', 'wrong-code', 'wrong-mailed-code', 'wrong-passkey'])
    outcomes.login.inc({ outcome }, 0)

  type Observer = ReturnType<typeof requests.labels>
  const known = new Map<string | null, Map<string, Map<number | null, Observer>>>()
  function observerOf(method: string, route: string | null, status: number | null): Observer {
    const ofRoute = entry(known, route, () => new Map<string, Map<number | null, Observer>>())
    const ofMethod = entry(ofRoute, method, () => new Map<number | null, Observer>())
    return entry(ofMethod, status, () => requests.labels(method, route ?? 'none', String(status ?? 'none')))
  }

  return {
    request(method = '', route, status, milliseconds) {
      observerOf(METHODS.has(method) ? method : 'other', route, status).observe(milliseconds / 1_000)
    },
    outcome: (what, outcome) => outcomes[what].inc({ outcome }),
    refused: (limit) => refusals.inc({ limit }),
    waited: (milliseconds) => waits.observe(milliseconds / 1_000),
    sentAway: () => sentAway.inc(),
  }
}

function entry<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const there = map.get(key)
  if (there !== undefined) return there
  const made = make()
  map.set(key, made)
  return made
}

type Aggregator = 'sum' | 'max'

function watchProcess(register: Registry, { hashing, connections }: Sources): void {
  const gauge = (name: string, help: string, read: () => number, aggregator: Aggregator = 'sum') =>
    new Gauge({
      name,
      help,
      aggregator,
      registers: [register],
      collect() {
        this.set(read())
      },
    })
  gauge('matricula_hashes_waiting', 'Passwords that wait for a thread.', () => hashing().waiting)
  gauge('matricula_hashes_running', 'Passwords that are being checked.', () => hashing().running)
  gauge('matricula_hash_threads', 'Threads that check passwords.', () => hashing().threads)
  gauge(
    'matricula_hash_expected_wait_seconds',
    'How long a password that came now would wait. Beyond 1.2 people are sent away.',
    () => hashing().expectedWait / 1_000,
    'max',
  )
  gauge('matricula_database_connections_busy', 'Connections with a query on them.', () => connections().busy)
  gauge('matricula_database_connections_idle', 'Connections that are open and free.', () => connections().idle)
  gauge('matricula_database_connections_max', 'Connections that there may be.', () => connections().max)
  gauge('matricula_database_queries_waiting', 'Queries that wait for a connection.', () => connections().waiting)
}

const STEPS = {
  signed_up: 'signedUp',
  began: 'began',
  finished: 'finished',
  skipped: 'skipped',
  learning: 'learning',
} as const

function watchDatabase(register: Registry, { figures, keyRotationDays }: Sources): void {
  const registers = [register]
  new Gauge({
    name: 'matricula_database_up',
    help: 'Whether the database has answered the metrics. If not, what only it knows is missing.',
    registers,
    async collect() {
      this.set((await figures()) === undefined ? 0 : 1)
    },
  })
  const gauge = (name: string, help: string, read: (found: Figures) => number | null) =>
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        // What it was before the database went away is not what it is.
        this.remove()
        const found = await figures()
        const value = found && read(found)
        if (typeof value === 'number') this.set(value)
      },
    })
  gauge('matricula_mails_waiting', 'Mails that wait to be sent.', ({ mailsWaiting }) => mailsWaiting)
  gauge('matricula_mail_oldest_seconds', 'How long the oldest of them waits.', ({ oldestMail }) => oldestMail)
  gauge('matricula_signing_key_age_seconds', 'How long the current key signs tokens.', ({ keyAge }) => keyAge)
  gauge('matricula_signing_key_rotation_seconds', 'After how long it is replaced.', () => keyRotationDays * 86_400)
  gauge('matricula_status_list_ended', 'Sessions marked in the status lists.', ({ endedListed }) => endedListed)
  gauge('matricula_status_lists_used', 'Status lists with a place taken, of 100.', ({ listsUsed }) => listsUsed)
  new Gauge({
    name: 'matricula_learners',
    help: 'How many accounts came how far, counted every 10 minutes.',
    labelNames: ['step'],
    registers,
    async collect() {
      this.reset()
      const everybody = (await figures())?.everybody
      if (everybody) for (const [step, key] of Object.entries(STEPS)) this.set({ step }, everybody[key])
    },
  })
}

/**
 * `npm run bench -- --storm`: 200 people log in at the same moment, and come back when they are told to, while others read
 * their sessions as usual.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LOADS, requestsOf } from './loads.ts'
import { type Run, runProgram } from './processes.ts'
import type { Person, Target } from './targets.ts'

export const STORM_PEOPLE = 200
const OTHERS_PER_SECOND = 150
const OTHERS_CONNECTIONS = 16
const QUIET_SECONDS = 10
const STORM_SECONDS = 60
const HASHES_MEASURED = 5

type Login = { inAfterMs: number; admittedMs: number; sentAwayMs: number[] }
type Others = { p50: number; p99: number; statuses: Record<string, number>; errors: number }

export async function storm(run: Run, target: Target): Promise<string> {
  const quiet = await others(run, target, QUIET_SECONDS)
  const [hash, ...hashes] = (await inTurn(target.people.slice(0, HASHES_MEASURED), target)).sort((a, b) => a - b)
  const hashMs = hashes[Math.floor(hashes.length / 2)] ?? hash ?? 0
  const stormy = others(run, target, STORM_SECONDS)
  await sleep(2_000)
  const startedAt = performance.now()
  const logins = await Promise.all(target.people.map((person) => logIn(person, target, startedAt)))
  const after = await stormy
  // At the end, so that no connection is open yet when the storm begins.
  const idleMs = await answersWithoutWork(target)
  return report({ quiet, after, logins, hashMs, idleMs })
}

/** Reads sessions at a fixed rate, in a process of its own. */
async function others(run: Run, target: Target, seconds: number): Promise<Others> {
  const load = LOADS.find(({ name }) => name === 'get-session')
  const readers = { ...target, people: target.people.slice(0, OTHERS_CONNECTIONS) }
  const requests = load && (await requestsOf(load, readers))
  const plan = {
    url: target.url,
    connections: OTHERS_CONNECTIONS,
    seconds,
    requests,
    warmUp: { seconds: 2, requests },
    rate: OTHERS_PER_SECOND,
  }
  const file = join(import.meta.dirname, 'load.mjs')
  return JSON.parse(await runProgram(run, process.execPath, [file], JSON.stringify(plan)))
}

async function inTurn(people: readonly Person[], target: Target): Promise<number[]> {
  const times: number[] = []
  for (const person of people) {
    const startedAt = performance.now()
    await send(person, target)
    times.push(performance.now() - startedAt)
  }
  return times
}

/**
 * The same number of calls at once that cost nothing. Much of an answer's time in the storm is spent on opening so many
 * connections, by the server and by this program.
 */
async function answersWithoutWork({ people, url }: Target): Promise<number[]> {
  return Promise.all(
    people.map(async () => {
      const askedAt = performance.now()
      await (await fetch(`${url}/api/auth/ok`)).arrayBuffer()
      return performance.now() - askedAt
    }),
  )
}

function send({ email, password }: Person, { url }: Target): Promise<Response> {
  return fetch(`${url}/api/auth/sign-in/email`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: url },
    body: JSON.stringify({ email, password }),
  })
}

/** Tries until it is let in, as `Retry-After` says. @throws for any other answer. */
async function logIn(person: Person, target: Target, startedAt: number): Promise<Login> {
  const sentAwayMs: number[] = []
  for (;;) {
    const askedAt = performance.now()
    const response = await send(person, target)
    await response.arrayBuffer()
    const took = performance.now() - askedAt
    if (response.status === 200) return { inAfterMs: performance.now() - startedAt, admittedMs: took, sentAwayMs }
    if (response.status !== 503) throw new Error(`a login was answered with ${response.status}`)
    sentAwayMs.push(took)
    await sleep(1_000 * Number(response.headers.get('retry-after')))
  }
}

function report({
  quiet,
  after,
  logins,
  hashMs,
  idleMs,
}: {
  quiet: Others
  after: Others
  logins: Login[]
  hashMs: number
  idleMs: number[]
}): string {
  const percentile = (values: number[], share: number) =>
    values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1] ?? 0
  const ms = (value: number) => `${Math.round(value).toLocaleString('en')} ms`
  const each = (values: number[], shares: number[]) => shares.map((share) => ms(percentile(values, share))).join(', ')
  const admitted = logins.map(({ admittedMs }) => admittedMs)
  const waited = admitted.map((took) => Math.max(0, took - hashMs))
  const times = logins.map(({ sentAwayMs }) => sentAwayMs.length)
  const away = logins.flatMap(({ sentAwayMs }) => sentAwayMs)
  const all = Math.max(...logins.map(({ inAfterMs }) => inAfterMs))
  const pure = (logins.length * hashMs) / 2
  const failed = Object.entries(after.statuses).filter(([status]) => status !== '200')
  const rows: [string, string][] = [
    ['others, quiet: p50, p99', `${ms(quiet.p50)}, ${ms(quiet.p99)}`],
    ['others, in the storm: p50, p99', `${ms(after.p50)}, ${ms(after.p99)}`],
    ['others that failed', String(failed.reduce((sum, [, count]) => sum + count, 0) + after.errors)],
    ['admitted logins: p50, p99, longest', each(admitted, [0.5, 0.99, 1])],
    ['of that, waiting for a thread: p50, p99', each(waited, [0.5, 0.99])],
    ['sent away, in all', String(away.length)],
    ['sent away, one person: p50, p99, most', [0.5, 0.99, 1].map((share) => percentile(times, share)).join(', ')],
    ['people by times sent away', byTimes(times)],
    ['answer to those sent away: p50, p99', each(away, [0.5, 0.99])],
    ['as many calls at once without work: p50, p99', each(idleMs, [0.5, 0.99])],
    ['one login when it is quiet', ms(hashMs)],
    ['all are in after', `${ms(all)}, ${(all / pure).toFixed(2)} times the hashing alone on two cores`],
  ]
  return rows.map(([what, value]) => `| ${what} | ${value} |`).join('\n')
}

/** How many people were sent away how often, like `0: 11, 1: 183, 2: 6`. */
function byTimes(times: number[]): string {
  const all = Array.from({ length: Math.max(...times) + 1 }, (_, often) => often)
  return all.map((often) => `${often}: ${times.filter((time) => time === often).length}`).join(', ')
}

/** One load, in a process of its own: its description comes on standard input, what was seen of it goes to standard output. */
import { text } from 'node:stream/consumers'
import autocannon from 'autocannon'

const SAMPLE_MS = 100

const { url, connections, seconds, requests, warmUp, rate } = JSON.parse(await text(process.stdin))

async function load(duration, requests) {
  const answerMs = []
  let repeated = 0
  const noteRepeated = () => {
    repeated += 1
  }
  let next = 0
  const setupClient = (client) => {
    client.setRequests(requestsOf(next, requests, noteRepeated))
    next += 1
  }
  const pace = rate === undefined ? {} : { overallRate: rate }
  const before = process.cpuUsage()
  const run = autocannon({ url, connections, duration, setupClient, sampleInt: SAMPLE_MS, ...pace })
  // autocannon's own figures are whole milliseconds, and its rate takes in refusals.
  run.on('response', (_client, status, _bytes, ms) => {
    if (status >= 200 && status < 300) answerMs.push(ms)
  })
  const { duration: took, statusCodeStats, errors } = await run
  const { user, system } = process.cpuUsage(before)
  const statuses = Object.fromEntries(Object.entries(statusCodeStats).map(([status, { count }]) => [status, count]))
  answerMs.sort((a, b) => a - b)
  const percentile = (share) => answerMs[Math.ceil(answerMs.length * share) - 1] ?? null
  return {
    perSecond: answerMs.length / took,
    p50: percentile(0.5),
    p99: percentile(0.99),
    statuses,
    errors,
    repeated,
    took,
    processorSeconds: (user + system) / 1_000_000,
  }
}

/**
 * Each connection begins somewhere else in the list, so that they do not all ask for the same person at once. A chain
 * belongs to one connection only: two would send the same token.
 */
function requestsOf(connection, requests, noteRepeated) {
  if (requests.some(({ carries }) => carries !== undefined)) {
    const own = requests.filter((_request, index) => index % connections === connection)
    return own.map((request) => chained(request, noteRepeated))
  }
  const start = Math.floor((connection * requests.length) / connections)
  return [...requests.slice(start), ...requests.slice(0, start)]
}

/**
 * A request whose body is the field that the last good answer to it brought. The same answer twice is told, since the app
 * does less for a token that it has seen.
 */
function chained({ carries, ...request }, noteRepeated) {
  let { body } = request
  let last
  return {
    ...request,
    setupRequest: (planned) => ({ ...planned, body }),
    onResponse: (status, answer) => {
      if (status !== 200) return
      const next = JSON.stringify({ [carries]: JSON.parse(answer)[carries] })
      if (next === last) noteRepeated()
      last = next
      body = next
    },
  }
}

if (warmUp) await load(warmUp.seconds, warmUp.requests)
process.stdout.write(JSON.stringify(await load(seconds, requests)))

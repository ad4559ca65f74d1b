/** One load, in a process of its own: its description comes on standard input, what was seen of it goes to standard output. */
import { text } from 'node:stream/consumers'
import autocannon from 'autocannon'

const SAMPLE_MS = 100

const { url, connections, seconds, warmUpSeconds, requests, rate } = JSON.parse(await text(process.stdin))

/** Each connection begins somewhere else in the list, so that they do not all ask for the same person at once. */
async function load(duration) {
  const answerMs = []
  let next = 0
  const setupClient = (client) => {
    const start = Math.floor((next * requests.length) / connections)
    next += 1
    client.setRequests([...requests.slice(start), ...requests.slice(0, start)])
  }
  const pace = rate === undefined ? {} : { overallRate: rate }
  const run = autocannon({ url, connections, duration, setupClient, sampleInt: SAMPLE_MS, ...pace })
  // autocannon's own figures are whole milliseconds, and its rate takes in refusals.
  run.on('response', (_client, status, _bytes, ms) => {
    if (status >= 200 && status < 300) answerMs.push(ms)
  })
  const { duration: took, statusCodeStats, errors } = await run
  const statuses = Object.fromEntries(Object.entries(statusCodeStats).map(([status, { count }]) => [status, count]))
  answerMs.sort((a, b) => a - b)
  const percentile = (share) => answerMs[Math.ceil(answerMs.length * share) - 1] ?? null
  return { perSecond: answerMs.length / took, p50: percentile(0.5), p99: percentile(0.99), statuses, errors }
}

if (warmUpSeconds > 0) await load(warmUpSeconds)
process.stdout.write(JSON.stringify(await load(seconds)))

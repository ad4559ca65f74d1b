/** What a server weighs: the dashboard's bytes on the wire, its memory and its start; ours beside Better Auth. */
import { get, type IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { highest, markdown, mebibytes, spread } from './figures.ts'
import { BROWSER } from './loads.ts'
import { type Run, residentBytes, startServer } from './processes.ts'
import type { Row } from './report.ts'
import type { Target, TargetName } from './targets.ts'

const STARTS = 5
const COMPARED: readonly TargetName[] = ['Matricula', 'Better Auth']
const WHAT = [
  'dashboard, bytes of HTML',
  'dashboard, bytes sent to a browser',
  'ready after, ms (least to most)',
  'memory when ready, MiB',
  'memory under load at most, MiB',
]

/** A table. Starts the servers anew, so it comes last; `rows` are the loads that they had. */
export async function footprint(run: Run, targets: readonly Target[], rows: readonly Row[]): Promise<string> {
  const columns: string[][] = []
  for (const target of targets) {
    if (!COMPARED.includes(target.name)) continue
    console.error(`starts: ${target.name}`)
    const sizes = target.name === 'Matricula' ? await dashboardSizes(target) : ['-', '-']
    const underLoad = rows.filter((row) => row.target === target.name).flatMap(({ rounds }) => rounds)
    const { readyAfterMs, memory } = await startAgain(run, target)
    columns.push([
      target.name,
      ...sizes,
      spread(readyAfterMs),
      mebibytes(highest(memory)),
      mebibytes(highest(underLoad.map(({ memory }) => memory))),
    ])
  }
  const [head, ...lines] = ['', ...WHAT].map((what, line) => [what, ...columns.map((column) => column[line] ?? '-')])
  return markdown(head ?? [], lines, 1)
}

/** Before and after compression, the second with its encoding. */
async function dashboardSizes(target: Target): Promise<string[]> {
  const plain = await dashboard(target, { ...BROWSER, 'accept-encoding': 'identity' })
  const sent = await dashboard(target, BROWSER)
  return [plain.bytes.toLocaleString('en'), `${sent.bytes.toLocaleString('en')} (${sent.encoding})`]
}

/** As it is on the wire: fetch would unpack it. */
async function dashboard({ url, people }: Target, headers: Record<string, string>) {
  const cookie = people[0]?.cookie ?? ''
  const response = await new Promise<IncomingMessage>((resolve, reject) =>
    get(`${url}/dashboard`, { headers: { ...headers, cookie } }, resolve).on('error', reject),
  )
  const { length } = await buffer(response)
  if (response.statusCode !== 200) throw new Error(`the dashboard answers with ${response.statusCode}`)
  return { bytes: length, encoding: response.headers['content-encoding'] ?? 'not compressed' }
}

/** On the same address and the same database, with its schema, keys and people. */
async function startAgain(run: Run, target: Target) {
  const readyAfterMs: number[] = []
  const memory: (number | undefined)[] = []
  await target.server.stop()
  for (let start = 1; start <= STARTS; start += 1) {
    const server = await startServer(run, target.program)
    readyAfterMs.push(server.readyAfterMs)
    memory.push(residentBytes(server.pid))
    await server.stop()
  }
  return { readyAfterMs, memory }
}

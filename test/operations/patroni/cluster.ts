/** Three nodes of PostgreSQL under Patroni with etcd, and HAProxy in front, on loopback. */
import { execFileSync } from 'node:child_process'
import {
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { ROOT } from '../../../src/config/folders.ts'
import { freePort } from '../../../src/database/embedded/port.ts'
import { familyOf, killAtOnce, lastWords, ownerOfCluster, signalTo, startProgram, undo, until } from './programs.ts'

const TEMPLATES = join(ROOT, 'test/operations/patroni')
const BINARIES = '/usr/lib/postgresql'
const PASSWORD = 'a-password-on-loopback'
const UP_SECONDS = 90
/** How far a stand-by may be behind and still take over, when it is held back. */
const LAG_MAX_BYTES = 100_000_000

type Node = { name: string; port: number; restPort: number; patroni: ReturnType<typeof startProgram> }
type Member = { name: string; role: string; state: string; lag?: number | string; timeline?: number }

export type Cluster = Awaited<ReturnType<typeof startCluster>>

/** What is missing on this machine, by the names of Debian's packages. */
export function missingPackages(): string[] {
  const isThere = (program: string) =>
    ['/usr/bin', '/usr/sbin', '/usr/local/bin'].some((folder) => existsSync(join(folder, program)))
  const missing = Object.entries({ patroni: 'patroni', etcd: 'etcd-server', haproxy: 'haproxy' })
    .filter(([program]) => !isThere(program))
    .map(([, name]) => name)
  return existsSync(BINARIES) && readdirSync(BINARIES).length > 0 ? missing : [...missing, 'postgresql']
}

/** A configuration file from its template, with `${name}` replaced by values. */
function fillIn(template: string, values: Record<string, string | number | boolean>): string {
  return readFileSync(join(TEMPLATES, template), 'utf8').replace(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = values[name]
    if (value === undefined) throw new Error(`${template} needs ${name}`)
    return String(value)
  })
}

export async function startCluster({ synchronous }: { synchronous: boolean }) {
  const owner = ownerOfCluster()
  const folder = mkdtempSync(join(tmpdir(), 'matricula-patroni-'))
  if (owner) chownSync(folder, owner.uid, owner.gid)
  undo.push(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  // Patroni stops its PostgreSQL with it. If Patroni had to be killed, that is still running.
  undo.push(() => {
    for (const { name } of nodes) killAtOnce(postmasterOf(folder, name).flatMap(familyOf))
  })
  const nodes: Node[] = []
  const versions = readdirSync(BINARIES).toSorted((one, other) => Number(other) - Number(one))
  const [etcdPort, peerPort, proxyPort] = [await freePort(), await freePort(), await freePort()]
  const values = {
    ...{ folder, etcdPort, peerPort, proxyPort, synchronous },
    ...{ password: PASSWORD, binaries: join(BINARIES, versions[0] ?? '', 'bin') },
  }
  const write = (name: string, text: string) => {
    const file = join(folder, name)
    writeFileSync(file, text, { mode: 0o600 })
    if (owner) chownSync(file, owner.uid, owner.gid)
    return file
  }

  const etcdFile = write('etcd.yml', fillIn('etcd.yml', values))
  startProgram({ file: 'etcd', args: ['--config-file', etcdFile], folder, log: 'etcd' }, owner)
  await until('etcd', UP_SECONDS, async () => (await fetch(`http://127.0.0.1:${etcdPort}/health`)).ok)

  const startPatroni = (name: string) =>
    startProgram({ file: 'patroni', args: [join(folder, `${name}.yml`)], folder, log: name }, owner)
  for (const name of ['one', 'two', 'three']) {
    const [port, restPort] = [await freePort(), await freePort()]
    write(`${name}.yml`, fillIn('patroni.yml', { ...values, name, port, restPort }))
    nodes.push({ name, port, restPort, patroni: startPatroni(name) })
  }

  const servers = nodes.map(({ name, port, restPort }) => `  server ${name} 127.0.0.1:${port} check port ${restPort}`)
  const proxyFile = write('haproxy.cfg', fillIn('haproxy.cfg', { ...values, servers: servers.join('\n') }))
  execFileSync('haproxy', ['-c', '-q', '-f', proxyFile])
  startProgram({ file: 'haproxy', args: ['-db', '-f', proxyFile], folder, log: 'haproxy' }, owner)

  /** The members as Patroni knows them, asked of whichever node answers. */
  async function members(): Promise<Member[]> {
    for (const { restPort } of nodes) {
      const answer = await fetch(`http://127.0.0.1:${restPort}/cluster`).catch(() => undefined)
      if (answer?.ok) return ((await answer.json()) as { members: Member[] }).members
    }
    return []
  }
  const isUp = ({ role, state }: Member) => state === 'running' || (role !== 'leader' && state === 'streaming')
  const isWhole = (all: Member[]) =>
    all.length === nodes.length &&
    all.every(isUp) &&
    all.some(({ role }) => role === 'leader') &&
    (!synchronous || all.some(({ role }) => role === 'sync_standby'))
  const whole = (seconds: number) =>
    until('three nodes that follow one another', seconds, async () => isWhole(await members()))
  /** The node that is the primary by its own word. */
  const primary = () =>
    until('a primary', UP_SECONDS, async () => {
      for (const node of nodes) {
        const answer = await fetch(`http://127.0.0.1:${node.restPort}/primary`).catch(() => undefined)
        if (answer?.ok) return node
      }
      return undefined
    })
  const urlAt = ({ port }: { port: number }, database = 'matricula') =>
    `postgres://postgres:${PASSWORD}@127.0.0.1:${port}/${database}`

  await whole(UP_SECONDS).catch((error) => {
    console.error(lastWords(folder))
    throw error
  })
  const admin = postgres(urlAt(await primary(), 'postgres'), { max: 1 })
  await admin.unsafe(`create role matricula login password '${PASSWORD}'`)
  await admin.unsafe('create database matricula owner matricula')
  await admin.end()

  const login = `postgres://matricula:${PASSWORD}`
  return {
    folder,
    version: versions[0] ?? '',
    members,
    primary,
    urlAt,
    urls: {
      proxy: `${login}@127.0.0.1:${proxyPort}/matricula`,
      hosts: `${login}@${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}/matricula?target_session_attrs=read-write`,
    },
    /** As when the machine of the primary loses its power: Patroni and every process of PostgreSQL, at once. */
    async killPrimary(): Promise<Node> {
      const node = await primary()
      const { pid } = node.patroni
      killAtOnce([...(pid === undefined ? [] : [pid]), ...postmasterOf(folder, node.name)].flatMap(familyOf))
      return node
    },
    /**
     * From now on the stand-bys get nothing. Returns what lets them go on when the primary is lost: with a new connection, so
     * that what has come in the meantime is not read.
     */
    async holdBack(): Promise<() => void> {
      const { name: leader, restPort } = await primary()
      const allowed = JSON.stringify({ maximum_lag_on_failover: LAG_MAX_BYTES })
      const { ok } = await fetch(`http://127.0.0.1:${restPort}/config`, { method: 'PATCH', body: allowed })
      if (!ok) throw new Error('Patroni does not take the setting')
      const receivers = nodes.flatMap(({ name }) => (name === leader ? [] : receiversOf(folder, name)))
      if (receivers.length < nodes.length - 1) throw new Error('a stand-by does not follow')
      const release = () => {
        for (const pid of receivers) for (const signal of ['SIGTERM', 'SIGCONT'] as const) signalTo(pid, signal)
      }
      undo.push(release)
      for (const pid of receivers) signalTo(pid, 'SIGSTOP')
      return release
    },
    /** The machine is back. Returns after how many seconds the node follows the new primary, and what Patroni did for it. */
    async bringBack(node: Node) {
      const from = Date.now()
      node.patroni = startPatroni(node.name)
      await whole(UP_SECONDS)
      const log = readFileSync(join(folder, `${node.name}.log`), 'utf8')
      const rewound = /running pg_rewind/.test(log) ? 'wound back by pg_rewind' : 'needed no winding back'
      const how = /Removing data directory/.test(log) ? 'copied anew' : rewound
      return { seconds: (Date.now() - from) / 1_000, how }
    },
  }
}

/** The processes of a stand-by that receive what the primary writes. */
const receiversOf = (folder: string, name: string): number[] =>
  postmasterOf(folder, name)
    .flatMap(familyOf)
    .filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('walreceiver'))

/** The id of a node's PostgreSQL, if it runs: its working directory is its data. */
function postmasterOf(folder: string, name: string): number[] {
  const data = join(folder, name)
  try {
    const pid = Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0])
    return readlinkSync(`/proc/${pid}/cwd`) === data ? [pid] : []
  } catch {
    return []
  }
}

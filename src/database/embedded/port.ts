/** The port of the embedded PostgreSQL. */
import { randomInt } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'

/** The port of the last start, so that a noted address stays right; or another one, if that is taken now. */
export async function portOf(home: string): Promise<number> {
  const file = join(home, 'port')
  const kept = Number(await readFile(file, 'utf8').catch(() => '0'))
  const port = kept > 0 && (await isFree(kept)) ? kept : await freePort()
  if (port !== kept) await writeFile(file, String(port))
  return port
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer().listen(port, '127.0.0.1')
    probe.once('error', () => resolve(false)).once('listening', () => probe.close(() => resolve(true)))
  })
}

/**
 * Below what systems take for outgoing connections (from 32768 on Linux, from 49152 elsewhere): such a port may be in use a moment
 * after it was free.
 */
const PORTS = { from: 12_000, to: 32_000 } as const
const TRIES = 100
const given = new Set<number>()

/** A loopback port that nothing listens on at the moment, another one each time. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const port = randomInt(PORTS.from, PORTS.to)
    if (given.has(port) || !(await isFree(port))) continue
    given.add(port)
    return port
  }
  throw new Error('no free port')
}

/** The port of the embedded PostgreSQL. */
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

/** A loopback port that nothing listens on at the moment. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => probe.once('listening', resolve))
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}

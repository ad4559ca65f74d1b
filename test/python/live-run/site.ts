/** What the live run plays with: the built server on a database behind a proxy, the operator's commands, one moved clock. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { ROOT } from '../../../src/config/folders.ts'
import { freePort } from '../../../src/database/embedded/port.ts'
import { SECRET } from '../../support/app.ts'
import { startServer as startPython } from '../../support/backend.ts'
import { createDatabase } from '../../support/database.ts'
import { createClock } from '../../support/moved-clock.ts'
import { startProgram, startServer } from '../../support/process.ts'
import { startProxy } from '../../support/proxy.ts'

const HERE = join(ROOT, 'test/python/live-run')

export type Site = Awaited<ReturnType<typeof startSite>>

/** Starts all of it. Ended after the test that starts it. */
export async function startSite() {
  // Every program that is started listens for the end of this one.
  process.setMaxListeners(50)
  const clock = createClock()
  const databaseUrl = await createDatabase()
  const proxy = await startProxy(databaseUrl)
  const port = String(await freePort())
  const url = `http://127.0.0.1:${port}`
  const moved = clock.environment
  const start = () => startServer({ ...moved, DATABASE_URL: proxy.url, PORT: port, PUBLIC_URL: url })
  let server = await start()
  const uvicorn = ['uvicorn', 'backend:app', '--app-dir', HERE, '--host', '127.0.0.1', '--port', '0', '--no-access-log']
  const backend = await startPython(uvicorn, { MATRICULA_URL: url, CLOCK_AHEAD_FILE: clock.file })

  return {
    url,
    clock,
    proxy,
    backend,
    /** How often the backend has asked Matricula. */
    calls: async (): Promise<number> => Number(await (await fetch(`${backend.url}/calls`)).json()),
    /** Ends the server by this signal and starts it again, after so many milliseconds. */
    async restart(signal: NodeJS.Signals): Promise<void> {
      server.kill(signal)
      await server.ended()
      server = await start()
    },
    /** Runs a command of the operator, past the proxy. Returns the lines that it prints. */
    async command(...args: string[]): Promise<string[]> {
      const environment = { NODE_ENV: 'test', APP_SECRETS: SECRET, DATABASE_URL: databaseUrl, ...moved }
      const program = startProgram(['dist/cli.js', ...args], environment)
      const { code } = await program.ended()
      assert.equal(code, 0, program.written.err)
      return program.written.out.trim().split('\n')
    },
  }
}

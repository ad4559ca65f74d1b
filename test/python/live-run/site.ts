/** What the live run plays with: the built server on a database behind a proxy, the operator's commands, one moved clock. */
import assert from 'node:assert/strict'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { pathToFileURL } from 'node:url'
import { ROOT } from '../../../src/config/folders.ts'
import { freePort } from '../../../src/database/embedded/port.ts'
import { SECRET } from '../../support/app.ts'
import { startServer as startPython } from '../../support/backend.ts'
import { createDatabase } from '../../support/database.ts'
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
  const moved = {
    CLOCK_AHEAD_FILE: clock.file,
    NODE_OPTIONS: `--import ${pathToFileURL(join(HERE, 'moved-clock.mjs')).href}`,
  }
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

/** One clock for server, commands, backend and this process: all read the same file, so no step finds them apart. */
function createClock() {
  const folder = mkdtempSync(join(tmpdir(), 'matricula-live-run-'))
  after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'ahead')
  let ahead = 0
  function write() {
    // A reader must never find half a number.
    writeFileSync(`${file}.next`, String(ahead))
    renameSync(`${file}.next`, file)
  }
  write()
  return {
    file,
    now: () => Date.now() + ahead,
    forward(milliseconds: number) {
      ahead += milliseconds
      write()
    },
  }
}

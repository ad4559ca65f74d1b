/** An error that nobody handles leaves a process in a state that nobody knows: it says so, without what the error carries, and ends. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createDatabase } from '../support/database.ts'
import { startServer } from '../support/process.ts'

const throwing = (code: string) =>
  `--import data:text/javascript,${encodeURIComponent(`process.on('SIGUSR2', () => { ${code} })`)}`
const ERROR = `Object.assign(new Error('broken'), { detail: 'Key (email)=(ada@example.org)', severity: 'ERROR' })`

for (const [how, code] of Object.entries({
  'is thrown outside of any promise': `setImmediate(() => { throw ${ERROR} })`,
  'rejects a promise that nobody waits for': `void Promise.reject(${ERROR})`,
})) {
  it(`[F23] an error that ${how} ends the process, and the log names it without anybody’s data`, async () => {
    const server = await startServer({ DATABASE_URL: await createDatabase(), NODE_OPTIONS: throwing(code) })
    server.kill('SIGUSR2')
    assert.deepEqual(await server.ended(), { code: 1, signal: null })
    const [line = '{}'] = server.written.err.trim().split('\n')
    assert.equal(JSON.parse(line).level, 'fatal')
    assert.doesNotMatch(server.written.err + server.written.out, /ada@example|Key \(/)
  })
}

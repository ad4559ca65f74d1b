/** The mail server's password is never sent unencrypted to another machine. */
import assert from 'node:assert/strict'
import { after, it } from 'node:test'
import { SMTPServer } from 'smtp-server'
import { startApp } from '../support/app.ts'
import { openBrowser, somebody } from '../support/people.ts'
import { eventually } from '../support/process.ts'

const seen: string[] = []
const server = new SMTPServer({
  disabledCommands: ['STARTTLS'],
  allowInsecureAuth: true,
  logger: false,
  onAuth({ username = '', password = '' }, _session, done) {
    seen.push(`${username}:${password}`)
    done(null, { user: username })
  },
  onData(stream, _session, done) {
    stream.resume().on('end', () => done())
  },
})
server.on('error', () => {})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
after(() => new Promise<void>((resolve) => server.close(resolve)))
const address = server.server.address()
const port = typeof address === 'object' && address !== null ? address.port : 0

for (const [host, given] of [
  ['127.0.0.1', ['mat:secret']],
  // Also this machine, but not on the app's list of local addresses.
  ['0.0.0.0', []],
] as const) {
  it(`to ${host}: ${given.length > 0 ? 'given' : 'kept, and the mail waits'}`, async () => {
    seen.length = 0
    const app = await startApp({}, { mailbox: { url: `smtp://mat:secret@${host}:${port}` } })
    await openBrowser(app).signUp(somebody('Ada'))
    const settled = async () =>
      (await app.sql`select 1 as waits from outbox`).length === 0 || app.log().includes('mail not sent yet')
    await eventually('the mail to be tried', settled)
    assert.deepEqual(seen, given)
    assert.doesNotMatch(app.log(), /secret/)
  })
}

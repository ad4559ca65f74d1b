/** Runs the operator's commands in their own process, next to a running app. */
import assert from 'node:assert/strict'
import type { SigningKey } from '../../src/tokens/signing-keys.ts'
import { SECRET, startApp, type TestApp } from './app.ts'
import type { Mailbox } from './mailbox.ts'
import { startProgram } from './process.ts'

/** Put this into every wrong setting, so that we notice if its value is printed anywhere. */
export const HIDDEN = 'Hidden'

export type Told = { code: number | null; out: string[]; err: string }

export const rowsOf = ({ sql }: Pick<TestApp, 'sql'>) => sql<SigningKey>`select * from signing_keys order by generation`

/** Starts an app with its first key, and a function that runs commands next to it, with the same mail server if there is one. */
export async function startWithCommands({ mailbox }: { mailbox?: Mailbox } = {}) {
  const app = await startApp({}, { atPublicUrl: true, ...(mailbox ? { mailbox } : {}) })
  const mail = mailbox
    ? { PUBLIC_URL: app.url, SMTP_URL: mailbox.url, MAIL_FROM: 'no-reply@matricula.example' }
    : undefined
  await app.deps.keyRing.load()

  async function cli(args: readonly string[], environment: Record<string, string> = {}): Promise<Told> {
    const program = startProgram(['dist/cli.js', ...args], {
      NODE_ENV: 'test',
      APP_SECRETS: SECRET,
      DATABASE_URL: app.databaseUrl,
      ...mail,
      ...environment,
    })
    const { code } = await program.ended()
    // A server looks every few minutes for mails that a command has written; this one now.
    app.deps.mail.wake()
    const { out, err } = program.written
    const { privateKey } = await app.deps.keyRing.current()
    const secrets = [SECRET, HIDDEN, privateKey.export({ format: 'jwk' }).d ?? '', ...(await sealedTexts())]
    for (const secret of secrets) assert.ok(!(out + err).includes(secret), 'a secret is printed')
    assert.doesNotMatch(out + err, /^ +at /m)
    return { code, out: out.split('\n').slice(0, -1), err: err.trim() }
  }
  const sealedTexts = async () => (await rowsOf(app)).map(({ sealed }) => sealed)

  return {
    app,
    cli,
    /** Runs a command that must succeed. Returns the lines that it prints. */
    async done(...args: string[]): Promise<string[]> {
      const { code, out, err } = await cli(args)
      assert.equal(err, '')
      assert.equal(code, 0)
      return out
    },
    /** Moves the clock so far that the app must read its keys again. */
    reread: () => app.advance(61_000),
  }
}

/**
 * Nobody waits for the mail server: whatever it does, people get the usual answer at once, and their mail when it is
 * back.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startApp, type TestApp } from '../support/app.ts'
import { type Mailbox, openMailbox } from '../support/mailbox.ts'
import { allSent, waiting } from '../support/outbox.ts'
import { learner, openBrowser, type Person, type Response, somebody } from '../support/people.ts'
import { eventually } from '../support/process.ts'

/** How the mail server fails. `slow`: a try takes longer than any answer here. */
const FAULTS: Record<string, { slow: boolean; fail: (mailbox: Mailbox) => void | Promise<void> }> = {
  'is not there': { slow: false, fail: (mailbox) => mailbox.close() },
  'takes connections and never greets': { slow: true, fail: (mailbox) => mailbox.set('mute') },
  'takes a mail and never answers': { slow: true, fail: (mailbox) => mailbox.set('hang') },
  'is busy': { slow: false, fail: (mailbox) => mailbox.set('busy') },
  'lets nobody send': { slow: false, fail: (mailbox) => mailbox.set('not-you') },
}

/** What a browser sees of an answer, without what differs each time. */
const told = ({ status, headers, text }: Response) => ({ status, location: headers.location, text })

async function askAll(app: TestApp, known: Person) {
  const newcomer = somebody('Newcomer')
  return {
    newcomer,
    answers: {
      known: told(await openBrowser(app).submit('/password-reset', { email: known.email })),
      unknown: told(await openBrowser(app).submit('/password-reset', { email: somebody('Nobody').email })),
      'sign-up': told(await openBrowser(app).signUp(newcomer)),
    },
  }
}

const isLogged = (app: TestApp, id: string) =>
  app
    .log()
    .split('\n')
    .some((line) => line.includes(id) && line.includes('mail not sent yet'))

// In parallel, because each waits for a server that does not answer.
describe('while the mail server', { concurrency: true }, () => {
  for (const [name, { slow, fail }] of Object.entries(FAULTS)) {
    it(`[T22] ${name}, people get their usual answer, and their mail once when it is back`, async () => {
      const mailbox = await openMailbox()
      const app = await startApp({}, { atPublicUrl: true, mailbox })
      const { person } = await learner(app, 'Ada')
      const usual = await askAll(app, person)
      await allSent(app)
      assert.equal(mailbox.to(person.email, /Reset/).length, 1)
      assert.deepEqual(usual.answers.known, usual.answers.unknown)
      assert.equal(usual.answers.known.status, 303)

      await fail(mailbox)
      const { answers, newcomer } = await askAll(app, person)
      assert.deepEqual(answers, usual.answers)
      if (slow) assert.equal(app.log().includes('mail not sent yet'), false, 'the answers came before a try ended')

      await eventually('every mail to have been tried', async () => {
        const mails = (await waiting(app)).filter(({ kind }) => kind !== 'nothing')
        return mails.length === 2 && mails.every(({ id }) => isLogged(app, id))
      })
      const rows = await waiting(app)
      mailbox.set('take')
      const back = name === 'is not there' ? await openMailbox({ port: mailbox.port }) : mailbox
      app.advance(60_000)
      app.deps.mail.wake()
      await allSent(app)
      const ids = rows.map(({ id }) => `<${id}@matricula.example>`).sort()
      const arrived = back.letters.filter(({ messageId }) => ids.includes(messageId))
      assert.deepEqual(arrived.map(({ messageId }) => messageId).sort(), ids)
      assert.equal(back.to(person.email, /Reset/).length, back === mailbox ? 2 : 1)
      assert.equal(back.to(newcomer.email).length, 1)
      for (const secret of [person.email, newcomer.email, ...arrived.map(({ link }) => link.split('/').at(-1) ?? '')]) {
        assert.equal(app.log().includes(secret), false, 'the log names nobody and shows no link')
      }
    })
  }
})

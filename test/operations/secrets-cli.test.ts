/** Changing APP_SECRETS: what needs the old one is counted, what can be is sealed anew, and then the old one is not missed. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import bcrypt from 'bcrypt'
import { startApp } from '../support/app.ts'
import { startWithCommands } from '../support/keys-cli.ts'
import { openMailbox } from '../support/mailbox.ts'
import { learner, openBrowser, PASSWORD } from '../support/people.ts'
import { eventually } from '../support/process.ts'

const NEW = 'the-next-secret-of-the-tests-0123456789-zyxw'
const OLD = 'a-secret-of-the-tests-0123456789abcdefgh'

it('an operator changes the secret, and takes the old one away when it is needed no more', async () => {
  const mailbox = await openMailbox()
  mailbox.set('busy')
  const { app, cli } = await startWithCommands({ mailbox })
  const asked = async (secrets: string, ...args: string[]) => {
    const { code, out, err } = await cli(['secrets', 'rotate', ...args, '--json'], { APP_SECRETS: secrets })
    assert.deepEqual([code, err], [0, ''])
    return JSON.parse(out.join('\n'))
  }
  const { person: ada } = await learner(app, 'Ada')
  const { person: ben } = await learner(app, 'Ben')
  await eventually('both mails to be put off', () => app.log().split('mail not sent yet').length > 2)
  await app.deps.mail.stop()

  // Who has left and may come back counts too.
  const leave = (days: string | null) => app.sql`
    update all_users set delete_at = now() + ${days}::interval where email = ${ben.email}`
  await leave('7 days')
  const before = await asked(OLD)
  await leave(null)
  assert.deepEqual([before.secrets, before.passwords, before.mayGo], [1, [2], false])

  const counted = await asked(`${NEW},${OLD}`, '--dry-run')
  assert.deepEqual(counted.passwords, [0, 2])
  assert.deepEqual(
    [counted.keys, counted.mails].map(({ outdated, sealed }) => [outdated, sealed]),
    [
      [1, 0],
      [2, 0],
    ],
  )
  const done = await asked(`${NEW},${OLD}`)
  assert.deepEqual(
    [done.keys, done.mails].map(({ outdated, sealed }) => [outdated, sealed]),
    [
      [1, 1],
      [2, 2],
    ],
  )
  assert.equal(done.mayGo, false)
  const again = await asked(`${NEW},${OLD}`)
  assert.deepEqual([again.keys.outdated, again.mails.outdated], [0, 0])

  const both = await startApp({ APP_SECRETS: `${NEW},${OLD}` }, { databaseUrl: app.databaseUrl })
  for (const person of [ada, ben]) assert.equal((await openBrowser(both).logIn(person)).status, 303)
  const lines = await cli(['secrets', 'rotate'], { APP_SECRETS: `${NEW},${OLD}` })
  assert.match(
    lines.out.join('\n'),
    /^passwords under secret 2 +0$[\s\S]*^Nothing that is stored needs the old secret/m,
  )
  assert.equal((await asked(`${NEW},${OLD}`)).mayGo, true)
  const entries = await app.sql<{ details: { mails: number } }>`
    select details from audit where what = 'secrets rotate' order by id`
  assert.deepEqual(
    entries.map(({ details }) => details.mails),
    [0, 2, 0, 0, 0],
  )

  mailbox.set('take')
  const without = await startApp({ APP_SECRETS: NEW }, { databaseUrl: app.databaseUrl, mailbox })
  assert.equal((await openBrowser(without).logIn(ada)).status, 303)
  const [key] = await without.deps.keyRing.list()
  assert.equal(key?.opened, true)
  without.advance(10 * 60_000)
  without.deps.mail.wake()
  for (const { email } of [ada, ben]) await mailbox.letterTo(email)
})

it('those who moved in and have not logged in yet do not keep the old secret', async () => {
  const { app, cli } = await startWithCommands()
  const hash = await bcrypt.hash(PASSWORD, 4)
  const { person: carl } = await learner(app, 'Carl')
  const { person: dora } = await learner(app, 'Dora')
  const people = [carl.email, dora.email]
  await app.sql`
    update all_users set password_hash = ${app.deps.passwords.takeOver(hash) ?? ''} where email = any(${people}::text[])`
  // Dora may come back.
  await app.sql`update all_users set delete_at = now() + interval '7 days' where email = ${dora.email}`
  const asked = async (...args: string[]) => {
    const { code, out } = await cli(['secrets', 'rotate', '--json', ...args], { APP_SECRETS: `${NEW},${OLD}` })
    assert.equal(code, 0)
    const { passwords, foreign } = JSON.parse(out.join('\n'))
    return { passwords, foreign }
  }
  assert.deepEqual(await asked('--dry-run'), { passwords: [0, 2], foreign: { outdated: 2, sealed: 0 } })
  assert.deepEqual(await asked(), { passwords: [2, 0], foreign: { outdated: 2, sealed: 2 } })
  assert.deepEqual(await asked(), { passwords: [2, 0], foreign: { outdated: 0, sealed: 0 } })
  const without = await startApp({ APP_SECRETS: NEW }, { databaseUrl: app.databaseUrl })
  assert.equal((await openBrowser(without).logIn(carl)).status, 303)
})

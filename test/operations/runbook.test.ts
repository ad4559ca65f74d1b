/** docs/runbook.md: each alarm is caused, its commands are run as they stand there, and its proof is seen. */
import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { createDb } from '../../src/database/database.ts'
import { SECRET } from '../support/app.ts'
import { createDatabase, createEmptyDatabase } from '../support/database.ts'
import { type Machine, setUpMachine } from '../support/machine.ts'
import { openMailbox } from '../support/mailbox.ts'
import { blockOf, blocksOf, readPage } from '../support/pages.ts'
import { learner } from '../support/people.ts'
import { eventually } from '../support/process.ts'
import { startProxy } from '../support/proxy.ts'

const PAGE = 'docs/runbook.md'
const ANOTHER = 'another-secret-of-another-server-0123456789'

const tried = new Set<string>()
const mend = (machine: Machine, alarm: string, values: Record<string, string> = {}): Promise<string> => {
  tried.add(alarm)
  return machine.paste(blockOf(PAGE, alarm), values)
}
const proof = (machine: Machine, alarm: string, values: Record<string, string> = {}): Promise<string> => {
  tried.add(`${alarm}-proof`)
  return machine.paste(blockOf(PAGE, `${alarm}-proof`), values)
}
const logged = (machine: Machine, text: string) =>
  eventually(`the log to say ${text}`, () => {
    assert.ok(readPage(PAGE).includes(text), `the page does not name the sign: ${text}`)
    return machine.log().includes(text)
  })
const clientOf = (url: string) => {
  const client = createDb({ url, poolMax: 1 })
  after(() => client.close())
  return client.sql
}

describe('the runbook', { concurrency: 2 }, () => {
  it('when the database is away', async () => {
    const proxy = await startProxy(await createDatabase())
    const machine = await setUpMachine({ DATABASE_URL: proxy.url }, () => proxy.heal())
    await machine.restart()
    proxy.cut()
    await eventually('the sign', async () => (await machine.readiness()).checks.database === 'failing')
    assert.match(await mend(machine, 'away'), /^wrong +database /m)
    assert.match(await proof(machine, 'away'), /^(ok|look) +database /m)
    await eventually('the server to be ready', async () => (await machine.readiness()).status === 'ok')
  })

  it('when the schema is too old', async () => {
    const machine = await setUpMachine({ DATABASE_URL: await createEmptyDatabase() })
    await machine.restart()
    assert.equal((await machine.ended())?.code, 1)
    await logged(machine, 'schema is at version')
    await mend(machine, 'schema')
    await proof(machine, 'schema')
    assert.equal((await machine.readiness()).status, 'ok')
  })

  it('when a setting is wrong', async () => {
    const machine = await setUpMachine({ DATABASE_URL: await createDatabase(), TRUST_PROXY: 'one' })
    await machine.restart()
    assert.equal((await machine.ended())?.code, 78)
    assert.match(await mend(machine, 'setting'), /TRUST_PROXY/)
    assert.match(await proof(machine, 'setting'), /^ok +settings /m)
    assert.equal((await machine.readiness()).status, 'ok')
  })

  it('when mails do not go out, and when one must not', async () => {
    const mailbox = await openMailbox()
    const mail = { SMTP_URL: mailbox.url, MAIL_FROM: 'no-reply@matricula.example' }
    const machine = await setUpMachine({ DATABASE_URL: await createDatabase(), ...mail })
    await machine.restart()
    mailbox.set('busy')
    await learner(machine, 'Ada')
    await logged(machine, 'mail not sent yet')
    await eventually('the sign', async () => (await machine.readiness()).mail === 'late')
    const [waiting] = JSON.parse(await machine.paste('matricula outbox list --json')).mails
    await mend(machine, 'drop', { MAIL: waiting.id })
    assert.match(await proof(machine, 'drop'), /^No mail waits/)

    const { person } = await learner(machine, 'Ben')
    await eventually('his mail to wait', async () => /verify-email/.test(await proof(machine, 'drop')))
    mailbox.set('take')
    await mend(machine, 'mail')
    await mailbox.letterTo(person.email)
    await eventually('the proof', async () => /^No mail waits/.test(await proof(machine, 'mail')))
  })

  it('when a signing key is stolen', async () => {
    const machine = await setUpMachine({ DATABASE_URL: await createDatabase() })
    await machine.restart()
    const [, stolen = assert.fail()] = /^(\S+) +current/m.exec(await machine.paste('matricula keys list')) ?? []
    await mend(machine, 'key', { KID: stolen })
    const listed = await proof(machine, 'key')
    assert.ok(!listed.includes(stolen))
    assert.match(listed, / current /)
  })

  it('when the secret is known', async () => {
    const machine = await setUpMachine({ DATABASE_URL: await createDatabase() })
    await machine.restart()
    const { browser } = await learner(machine, 'Ada')
    await mend(machine, 'secret')
    assert.match(await proof(machine, 'secret'), /^passwords under secret 2 +1/m)
    assert.equal(await browser.whoAmI(), 'Ada')
  })

  it('when the secrets are others than those of the database', async () => {
    const DATABASE_URL = await createDatabase()
    const before = await setUpMachine({ DATABASE_URL })
    await before.restart()
    const machine = await setUpMachine({ DATABASE_URL, APP_SECRETS: ANOTHER })
    await machine.restart()
    await logged(machine, 'no secret of APP_SECRETS opens this signing key')
    await mend(machine, 'others', { THEIRS: SECRET })
    assert.match(await proof(machine, 'others'), /^ok +keys /m)
  })

  it('when a service key is stolen', async () => {
    const machine = await setUpMachine({ DATABASE_URL: await createDatabase() })
    await machine.paste('matricula service-keys add nightly profiles')
    await mend(machine, 'service', { NAME: 'nightly' })
    assert.doesNotMatch(await proof(machine, 'service'), /nightly/)
  })

  it('when somebody is in an account', async () => {
    const DATABASE_URL = await createDatabase()
    const machine = await setUpMachine({ DATABASE_URL })
    await machine.restart()
    const { person, browser } = await learner(machine, 'Ada')
    const [user] = await clientOf(DATABASE_URL)<{ id: string }>`select id from users where email = ${person.email}`
    const ID = user?.id ?? ''
    assert.ok((await mend(machine, 'account', { ID })).includes(ID))
    assert.ok(!(await proof(machine, 'account', { ID })).includes(ID))
    assert.equal(await browser.whoAmI(), undefined)
  })

  it('when another name is refused', async () => {
    const settings = { NODE_ENV: 'production', PUBLIC_URL: 'https://learn.example.org', TRUST_PROXY: '1' }
    const machine = await setUpMachine({ DATABASE_URL: await createDatabase(), ...settings })
    await machine.restart()
    assert.match(await machine.paste(blockOf(PAGE, 'name-proof')), /https:\/\/learn\.example\.org/)
    await logged(machine, 'a request for another host was refused')
    assert.match(await mend(machine, 'name'), /www\.example\.org/)
    assert.doesNotMatch(await proof(machine, 'name'), /does not belong|421/)
  })

  it('when what is over stays', async () => {
    const DATABASE_URL = await createDatabase()
    const machine = await setUpMachine({ DATABASE_URL })
    await clientOf(DATABASE_URL)`insert into rate_limits select 'over' || n, 1, 1 from generate_series(1, 30) n`
    assert.match(await mend(machine, 'over'), /rate_limits +30$/m)
    assert.match(await proof(machine, 'over'), /^0 rows/)
  })
})

after(() => {
  const named = [...blocksOf(PAGE).keys()]
  assert.deepEqual(named.toSorted(), [...tried].toSorted(), 'every command of the page is run')
})

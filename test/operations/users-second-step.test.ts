/** What operators see of a second step, and what they do for somebody who has lost it or is kept out by it. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { useUp } from '../support/guessing.ts'
import { startWithCommands } from '../support/keys-cli.ts'
import { openMailbox } from '../support/mailbox.ts'
import { confirm, VERIFY } from '../support/mailed.ts'
import { learner, openBrowser } from '../support/people.ts'
import { type Careful, enterCode, firstStep, nextCode, switchOn, wrongCode } from '../support/second-step.ts'

const mailbox = await openMailbox()
const { app, cli, done } = await startWithCommands({ mailbox })
const { sql } = app
const OFF = ['users', 'second-step', 'off'] as const

/** Somebody with a confirmed address and a second step. */
async function owner(name: string): Promise<Careful & { id: string }> {
  const { person, browser } = await learner(app, name)
  await confirm(browser, await mailbox.letterTo(person.email, VERIFY.subject))
  const [row] = await sql<{ id: string }>`select id from users where email = ${person.email}`
  return { person, browser, id: row?.id ?? assert.fail(), ...(await switchOn(app, browser)) }
}

const obstaclesOf = async (whom: string): Promise<{ says: string; help: string; stops: boolean }[]> =>
  JSON.parse((await done('users', 'why', whom, '--json')).join('\n')).obstacles
const shown = async (whom: string) => (await done('users', 'show', whom)).join('\n')
const auditOf = async (id: string) =>
  (
    await sql<{ who: string; what: string; outcome: string; details: unknown }>`
      select who, what, outcome, details from audit where whom = ${id} order by at desc, id desc`
  ).map(({ who, what, outcome, details }) => `${who}: ${what} ${JSON.stringify(details)} ${outcome}`)

describe('users second-step off', () => {
  it('lets somebody in with the password alone, who hears of it, and is noted', async () => {
    const ada = await owner('Ada')
    const phone = openBrowser(app)
    await firstStep(phone, ada.person)
    await enterCode(phone, nextCode(app, ada.secret), { rememberDevice: 'yes' })
    const lost = openBrowser(app)
    await firstStep(lost, ada.person)
    // Even when all ordinary notices of the hour are used up.
    await useUp(app, 'noticesByAddress', ada.person.email, 5)
    assert.deepEqual(await done(...OFF, ada.person.email, '--as', 'Grace'), [
      'The second step is off: a login takes the password alone. They are told by email.',
    ])
    assert.deepEqual(await auditOf(ada.id), ['Grace: users second-step off {"mailed":true} done'])
    assert.match((await mailbox.letterTo(ada.person.email, /We have switched off the second step/)).text, /\/not-me\//)
    assert.equal((await lost.get('/login/second-step')).headers.location, '/login?done=second-step-over')
    assert.equal((await openBrowser(app).logIn(ada.person)).headers.location, '/dashboard')
    assert.match((await ada.browser.get('/account/sessions')).text, /switched off by us, after a check/)
    const left = await sql`
      select user_id from second_steps where user_id = ${ada.id} union all
      select user_id from recovery_codes where user_id = ${ada.id}`
    assert.equal(left.length, 0)
    // What it was is worthless for the next one: the device is asked again.
    await switchOn(app, ada.browser)
    await phone.logOut()
    await firstStep(phone, ada.person)
  })

  it('mails nothing if it is told so, and has nothing to do a second time', async () => {
    const ben = await owner('Ben')
    assert.match((await done(...OFF, ben.id, '--quiet')).join(), /They are not told\.$/)
    const again = await cli([...OFF, ben.id])
    assert.deepEqual([again.code, again.out], [65, []])
    assert.match(again.err, /^The account has no second step\./)
    await mailbox.letterTo(ben.person.email, /A second step is switched on/)
    assert.equal(mailbox.to(ben.person.email, /We have switched off/).length, 0)
    assert.equal((await cli([...OFF, 'n0body'])).code, 66)
    assert.equal((await cli([...OFF])).code, 64)
  })

  it('leaves an account alone that is deleted', async () => {
    const cleo = await owner('Cleo')
    await cleo.browser.submit('/account/account-deletion', { password: cleo.person.password, sure: 'yes' })
    const { code, err } = await cli([...OFF, cleo.id])
    assert.equal(code, 65)
    assert.match(err, /^The account is deleted\./)
    assert.match(await shown(cleo.id), /^second step +on, recovery codes left: 10$/m)
  })
})

describe('an operator', () => {
  it('sees whether there is a second step, how many recovery codes are left, and no secret', async () => {
    const ada = await owner('Ada')
    const phone = openBrowser(app)
    await firstStep(phone, ada.person)
    await enterCode(phone, ada.codes[0] ?? '')
    assert.match(await shown(ada.id), /^second step +on, recovery codes left: 9$/m)
    const json = (await done('users', 'show', ada.id, '--json')).join('\n')
    const [row] = await sql<{ sealed: string }>`select sealed from second_steps where user_id = ${ada.id}`
    const secrets = [row?.sealed, ada.secret, ...ada.codes].map((secret) => secret ?? assert.fail())
    for (const secret of secrets) assert.ok(!json.includes(secret))
    const told = (await obstaclesOf(ada.person.email)).find(({ says }) => /one of 9 recovery codes/.test(says))
    assert.equal(told?.stops, false)
    assert.match(told?.help ?? '', new RegExp(`: users second-step off ${ada.id}$`))
    const { person } = await learner(app, 'Plain')
    assert.match(await shown(person.email), /^second step +off$/m)
    assert.ok(!(await obstaclesOf(person.email)).some(({ says }) => /authenticator/.test(says)))
  })

  it('sees the pause after wrong codes, and ends it', async () => {
    const ada = await owner('Ada')
    const eve = openBrowser(app)
    await firstStep(eve, ada.person)
    for (let tries = 0; tries < 5; tries += 1) await enterCode(eve, wrongCode(app, ada.secret))
    assert.equal((await enterCode(eve, nextCode(app, ada.secret))).status, 429)
    await useUp(app, 'confirmStepByUser', ada.id, 5)
    const told = (await obstaclesOf(ada.id)).find(({ says }) => /^Too many wrong codes/.test(says))
    assert.deepEqual([told?.stops, told?.help], [true, `users unlock ${ada.id}`])
    assert.match(await shown(ada.id), /^ {2}second-step +until \S+Z$/m)
    assert.deepEqual(await done('users', 'unlock', ada.person.email), [
      'All tries are forgotten. Free again: code-confirmation, second-step.',
    ])
    assert.equal((await enterCode(eve, nextCode(app, ada.secret))).headers.location, '/dashboard')
  })
})

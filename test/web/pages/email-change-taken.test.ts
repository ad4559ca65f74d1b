/** New addresses that somebody else has: before the change, while it waits, or at the moment it happens. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { startApp } from '../../support/app.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { askForChange, CHANGE, confirm, headingOf, leads, open, VERIFY } from '../../support/mailed.ts'
import { learner, openBrowser, PASSWORD, somebody } from '../../support/people.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })

const ownersOf = async (email: string) =>
  (await app.sql<{ name: string }>`select name from users where email = ${email}`).map(({ name }) => name)

it('one that is taken gets the same answer as a free one, and its owner a word', async () => {
  const { person: owner } = await learner(app, 'Ben')
  const answers = []
  for (const email of [owner.email, somebody('Eve').email]) {
    const { person, browser } = await learner(app, 'Ada')
    const { status, headers, text } = await browser.submit('/account/email-change', { email })
    const page = await browser.get('/account')
    const body = page.text
      .replaceAll(email, 'NEW')
      .replaceAll(person.email, 'OLD')
      .replace(/(name="_csrf" value=")[^"]*/g, '$1')
      .replace(/ datetime="[^"]*"/g, '')
    answers.push({ status, where: headers.location, text, length: page.headers['content-length'], body })
    await mailbox.letterTo(person.email, /about to change/)
  }
  assert.deepEqual(answers[0], answers[1])
  const word = await mailbox.letterTo(owner.email, /You already have an account/)
  assert.equal(word.link, `${app.url}/password-reset`)
  assert.equal(mailbox.to(owner.email, CHANGE.subject).length, 0)
})

it('[T21] one that somebody signs up with between the request and the link stays theirs', async () => {
  const { person, browser } = await learner(app, 'Ada')
  const newcomer = somebody('Ben')
  const letter = await askForChange(browser, mailbox, newcomer.email)
  const opened = openBrowser(app)
  await open(opened, letter)
  await openBrowser(app).signUp(newcomer)
  const taken = await opened.submit(VERIFY.page, { password: PASSWORD })
  assert.deepEqual([taken.status, headingOf(taken)], [410, 'This link cannot be used any more'])
  assert.deepEqual(await ownersOf(newcomer.email), ['Ben'])
  assert.deepEqual(await ownersOf(person.email), ['Ada'])
})

it('[T21] one for which three learners hold a link goes to one of them, whoever is quickest', async () => {
  for (let round = 0; round < 3; round += 1) {
    const { email } = somebody('Ada')
    const people = []
    for (const [index, name] of ['Ada', 'Ben', 'Eve'].entries()) {
      const { browser } = await learner(app, name)
      const opened = openBrowser(app)
      await open(opened, await askForChange(browser, mailbox, email, index + 1))
      people.push({ opened, token: await opened.token(VERIFY.page) })
    }
    const answers = await Promise.all(
      people.map(({ opened, token }) => opened.post(VERIFY.page, { password: PASSWORD, _csrf: token })),
    )
    assert.deepEqual(answers.map(({ status }) => status).toSorted(), [303, 410, 410])
    assert.equal((await ownersOf(email)).length, 1)
  }
})

it('of two changes at once, only an address whose own link is used is ever the account’s', async () => {
  for (let round = 0; round < 5; round += 1) {
    const { person, browser } = await learner(app, 'Ada')
    const emails = [somebody('Ada').email, somebody('Eve').email]
    const [mine = '', foreign = ''] = emails
    const token = await browser.token('/account/email-change')
    const asked = await Promise.all(
      emails.map((email) => browser.post('/account/email-change', { email, _csrf: token })),
    )
    assert.deepEqual(asked.map(leads), [
      [303, '/account'],
      [303, '/account'],
    ])
    const letter = await mailbox.letterTo(mine, CHANGE.subject)
    await mailbox.letterTo(foreign, CHANGE.subject)
    const status = (await open(openBrowser(app), letter)).status
    const opened = openBrowser(app)
    await open(opened, letter)
    const pressed = await opened.submitTo('/login', VERIFY.page, { password: PASSWORD })
    assert.equal(pressed.status, status === 200 ? 303 : 410)
    assert.deepEqual(await ownersOf(foreign), [])
    assert.deepEqual(await ownersOf(status === 200 ? mine : person.email), ['Ada'])
  }
})

it('a request for another address at the moment of the confirmation confirms nothing else', async () => {
  for (let round = 0; round < 5; round += 1) {
    const { person, browser } = await learner(app, 'Ada')
    const [mine, foreign] = [somebody('Ada').email, somebody('Eve').email]
    const opened = openBrowser(app)
    await open(opened, await askForChange(browser, mailbox, mine))
    const [press, form] = [await opened.token(VERIFY.page), await browser.token('/account/email-change')]
    const [pressed] = await Promise.all([
      opened.post(VERIFY.page, { password: PASSWORD, _csrf: press }),
      browser.post('/account/email-change', { email: foreign, _csrf: form }),
    ])
    assert.ok([303, 410].includes(pressed.status), String(pressed.status))
    assert.deepEqual(await ownersOf(foreign), [])
    assert.deepEqual(await ownersOf(pressed.status === 303 ? mine : person.email), ['Ada'])
  }
})

it('the link of one learner changes nothing for another who is logged in where it is opened', async () => {
  const { browser: adas } = await learner(app, 'Ada')
  const { person: ben, browser: bens } = await learner(app, 'Ben')
  const { email } = somebody('Ada')
  const letter = await askForChange(adas, mailbox, email)
  assert.equal((await confirm(bens, letter)).status, 303)
  assert.deepEqual(await ownersOf(email), ['Ada'])
  assert.deepEqual(await ownersOf(ben.email), ['Ben'])
  assert.equal(await bens.whoAmI(), 'Ben')
})

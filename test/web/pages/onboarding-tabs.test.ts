/** Answers from several tabs, clicks and browsers at once: nothing unseen is saved, and nothing is lost. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { findProfile, saveAnswersOfDraft } from '../../../src/learning/profiles.ts'
import { apiOf } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import {
  answer,
  CHECK,
  encode,
  hiddenIn,
  NOTHING_SAVED,
  passAll,
  rowsOf,
  SAVED,
  STEPS,
  saveAnswers,
  send,
} from '../../support/learning.ts'
import { type Browser, learner, openBrowser } from '../../support/people.ts'

const app = await startApp({}, { atPublicUrl: true })
const second = await startApp({}, { databaseUrl: app.databaseUrl })

const savedOf = async (browser: Browser): Promise<unknown> => (await apiOf(app, browser).get('/api/profile')).body

/** The page of all answers, open in a tab. `save` presses its button. */
async function openCheck(browser: Browser) {
  const { text } = await browser.get(CHECK)
  const fields = encode(hiddenIn(parse(text), '#save-answers-form'))
  return { rows: rowsOf(text), save: () => browser.post(CHECK, fields) }
}

const rowsOfDatabase = async (email: string) => [
  ...(await app.sql`select p.* from profiles p join users u on u.id = p.user_id where email = ${email}`),
]

describe('[X24] two tabs', () => {
  it('saving shows the answers again when they were changed in the other, and saves them the next time', async () => {
    const { browser } = await learner(app, 'Ada')
    await passAll(browser)
    const tab = await openCheck(browser)
    await answer(browser, 'focus', { primaryFocus: 'isaac' })
    const shown = await tab.save()
    assert.equal(shown.status, 422)
    assert.match(parse(shown.text).querySelector('[role=alert]')?.text ?? '', /Nothing was saved/)
    assert.deepEqual(rowsOf(shown.text).Focus, ['NVIDIA Isaac'])
    assert.deepEqual(await savedOf(browser), NOTHING_SAVED)
    const again = await browser.post(CHECK, encode(hiddenIn(parse(shown.text), '#save-answers-form')))
    assert.equal(again.status, 303)
    assert.deepEqual(await savedOf(browser), { ...SAVED, primaryFocus: 'isaac' })
  })

  it('saving shows the answers again when others were saved on the profile page', async () => {
    const { browser } = await learner(app, 'Ada')
    await passAll(browser)
    const tab = await openCheck(browser)
    await send(browser, '/profile', { primaryFocus: 'edge' })
    const shown = await tab.save()
    assert.equal(shown.status, 422)
    assert.deepEqual(rowsOf(shown.text).Focus, ['Running AI on a Jetson or real robot'])
    assert.deepEqual(rowsOf(shown.text).Goals, ['Not answered'])
    assert.deepEqual(await savedOf(browser), { ...NOTHING_SAVED, primaryFocus: 'edge', onboarded: true })
  })

  it('saving in one and then in the other is done twice, and no harm', async () => {
    const { browser, person } = await learner(app, 'Ada')
    await passAll(browser)
    const tabs = [await openCheck(browser), await openCheck(browser)]
    const [first] = [await tabs[0]?.save(), await rowsOfDatabase(person.email)]
    const rows = await rowsOfDatabase(person.email)
    app.advance(60_000)
    const again = await tabs[1]?.save()
    for (const response of [first, again]) {
      assert.deepEqual([response?.status, response?.headers.location], [303, '/dashboard'])
    }
    assert.deepEqual(await rowsOfDatabase(person.email), rows)
    assert.deepEqual(await savedOf(browser), SAVED)
  })

  it('saves nothing when an answer comes in between looking and saving', async () => {
    const { browser, person } = await learner(app, 'Ada')
    await passAll(browser)
    const [user] = await app.sql<{ id: string }>`select id from users where email = ${person.email}`
    const id = user?.id ?? assert.fail()
    const seen = await findProfile(app.sql, id)
    await answer(browser, 'focus', { primaryFocus: 'isaac' })
    assert.equal(await saveAnswersOfDraft(app.sql, id, seen, Date.now()), false)
    assert.deepEqual(await savedOf(browser), NOTHING_SAVED)
    assert.equal(await saveAnswersOfDraft(app.sql, id, await findProfile(app.sql, id), Date.now()), true)
    assert.deepEqual(await savedOf(browser), { ...SAVED, primaryFocus: 'isaac' })
  })

  it('a page without what it showed saves nothing', async () => {
    const { browser } = await learner(app, 'Ada')
    await passAll(browser)
    for (const seen of [{}, { seen: '' }, { seen: 'x' }, { seen: ['a', 'b'] }]) {
      assert.equal((await send(browser, CHECK, seen)).status, 422)
    }
    assert.deepEqual(await savedOf(browser), NOTHING_SAVED)
  })
})

describe('[X24] pressing a button several times', () => {
  it('on a question keeps one answer, and each press leads on', async () => {
    const { browser, person } = await learner(app, 'Ada')
    for (const [index, step] of STEPS.entries()) {
      const responses = await Promise.all(Array.from({ length: 5 }, () => answer(browser, step)))
      for (const { status, headers } of responses) {
        const next = STEPS[index + 1]
        assert.deepEqual([status, headers.location], [303, next ? `/onboarding/${next}` : CHECK], step)
      }
    }
    assert.equal((await rowsOfDatabase(person.email)).length, 1)
    await saveAnswers(browser)
    assert.deepEqual(await savedOf(browser), SAVED)
  })

  it('on “Save my answers” saves once, and each press leads to the dashboard', async () => {
    for (const before of [STEPS, []]) {
      const { browser } = await learner(app, 'Ada')
      await passAll(browser, before)
      const tab = await openCheck(browser)
      const responses = await Promise.all(Array.from({ length: 5 }, () => tab.save()))
      for (const { status, headers } of responses) assert.deepEqual([status, headers.location], [303, '/dashboard'])
    }
  })

  it('[S11] loses none of ten answers that arrive at once, at two processes', async () => {
    const { browser, person } = await learner(app, 'Ada')
    const elsewhere = openBrowser(second)
    await elsewhere.logIn(person)
    const ten = [...STEPS, ...STEPS.slice(0, 4)].map((step, index) => answer(index % 2 ? elsewhere : browser, step))
    for (const { status } of await Promise.all(ten)) assert.equal(status, 303)
    await saveAnswers(browser)
    assert.deepEqual(await savedOf(browser), SAVED)
  })
})

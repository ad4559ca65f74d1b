/** A change of the address that is confirmed and cancelled at the same moment: neither waits for the other for ever. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import postgres from 'postgres'
import { startApp } from '../../support/app.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { askForChange, CHANGE, open } from '../../support/mailed.ts'
import { learner, openBrowser, PASSWORD, somebody } from '../../support/people.ts'
import { eventually } from '../../support/process.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })

/** How many statements wait for a lock. */
async function waiting(): Promise<number> {
  const [row] = await app.sql<{ count: number }>`
    select count(*)::int from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  return row?.count ?? 0
}

it('is confirmed or cancelled, and both are answered', async () => {
  const { browser } = await learner(app, 'Ada')
  const letter = await askForChange(browser, mailbox, somebody('Adah').email)
  const phone = openBrowser(app)
  await open(phone, letter)
  const [confirming, cancelling] = [await phone.token(CHANGE.page), await browser.token('/account')]

  const client = postgres(app.databaseUrl, { max: 1, onnotice: () => {} })
  const { answers } = await client.begin(async (transaction) => {
    await transaction`select 1 from email_tokens where purpose = 'change-email' for update`
    const confirmed = phone.post(CHANGE.page, { password: PASSWORD, _csrf: confirming }).then()
    await eventually('the confirmation to wait', async () => (await waiting()) === 1)
    const cancelled = browser.post('/account/email-change/cancel', { _csrf: cancelling }).then()
    await eventually('the cancellation to wait', async () => (await waiting()) === 2)
    return { answers: [confirmed, cancelled] }
  })
  await client.end()
  assert.deepEqual(
    (await Promise.all(answers)).map(({ status }) => status),
    [303, 303],
  )
})

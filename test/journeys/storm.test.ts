/** A login while many others log in: the page counts down, and sends the form when there is room. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { Busy } from '../../src/base/failures.ts'
import { startApp } from '../support/app.ts'
import { startBrowser } from '../support/browser.ts'
import { learner, type Person } from '../support/people.ts'

const app = await startApp()
const chromium = await startBrowser()
const { passwords } = app.deps

/** Sends everybody away until it is called off. */
function beFull(seconds: number): () => void {
  app.deps.passwords = {
    ...passwords,
    keepPlace: () => {
      throw new Busy('too many passwords are being checked', { retryAfterSeconds: seconds })
    },
  }
  return () => {
    app.deps.passwords = passwords
  }
}

async function logInWhileFull(page: Page, person: Person, seconds: number): Promise<void> {
  const callOff = beFull(seconds)
  await page.goto(`${app.url}/login`)
  await page.getByLabel('Email address').fill(person.email)
  await page.getByLabel('Password', { exact: true }).fill(person.password)
  await page.getByLabel('Keep me logged in').check()
  await page.getByRole('button', { name: 'Log in', exact: true }).click()
  await page.locator('#error-summary').waitFor()
  callOff()
  assert.match(await page.locator('#error-summary').innerText(), new RegExp(`Try again in ${seconds} seconds`))
  assert.equal(await page.getByLabel('Email address').inputValue(), person.email)
  assert.ok(await page.getByLabel('Keep me logged in').isChecked())
}

describe('with the script', () => {
  it('the form is sent by itself once the time has come and the password is typed', async () => {
    const { person } = await learner(app, 'Ada')
    const page = await chromium.newPage()
    await logInWhileFull(page, person, 3)
    assert.match(await page.locator('main').innerText(), /the form is sent in [123] seconds?, when there is room/)
    await page.getByLabel('Password', { exact: true }).fill(person.password)
    await page.waitForURL('**/dashboard')
    await page.close()
  })

  it('nothing is sent without a password, and the page says that there is room', async () => {
    const { person } = await learner(app, 'Ada')
    const page = await chromium.newPage()
    const sent: string[] = []
    await logInWhileFull(page, person, 2)
    page.on('request', (request) => sent.push(request.method()))
    await page.getByText('There is room now. Type your password and press “Log in”.').waitFor()
    assert.deepEqual(sent, [])
    await page.close()
  })

  it('can be stopped', async () => {
    const { person } = await learner(app, 'Ada')
    const page = await chromium.newPage()
    await logInWhileFull(page, person, 2)
    await page.getByLabel('Password', { exact: true }).fill(person.password)
    await page.getByRole('button', { name: 'Do not send by itself' }).click()
    await page.getByText('Nothing is sent by itself.').waitFor()
    await page.waitForTimeout(2_500)
    assert.equal(new URL(page.url()).pathname, '/login')
    await page.getByRole('button', { name: 'Log in', exact: true }).click()
    await page.waitForURL('**/dashboard')
    await page.close()
  })
})

it('without the script, the form comes back as it was and can be sent again', async () => {
  const { person } = await learner(app, 'Ada')
  const page = await chromium.newPage({ javaScriptEnabled: false })
  await logInWhileFull(page, person, 2)
  assert.equal(await page.getByRole('button', { name: 'Do not send by itself' }).count(), 0)
  await page.getByLabel('Password', { exact: true }).fill(person.password)
  await page.getByRole('button', { name: 'Log in', exact: true }).click()
  await page.waitForURL('**/dashboard')
  await page.close()
})

/** A killed server loses no account whose sign-up was answered. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createDatabase } from '../support/database.ts'
import { comingBack, openBrowser, type Person, somebody } from '../support/people.ts'
import { startServer } from '../support/process.ts'

const SIGN_UPS = 200
const KILLED_AFTER = 60
const AT_ONCE = 8

/** Runs the job for every item, a few at a time. */
async function forEach<Item>(items: readonly Item[], job: (item: Item) => Promise<void>): Promise<void> {
  const queue = [...items]
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await job(item)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}

it('[I09, F16] everybody whose sign-up was answered can log in after the server was killed in the middle of it', async () => {
  const url = await createDatabase()
  const first = await startServer({ DATABASE_URL: url })
  const people = Array.from({ length: SIGN_UPS }, () => somebody('Ada'))
  const welcomed: Person[] = []
  let cutOff = 0
  await forEach(people, async (person) => {
    const response = await comingBack(() => openBrowser(first).signUp(person)).catch(() => undefined)
    if (response === undefined) {
      cutOff += 1
      return
    }
    assert.equal(response.status, 303)
    welcomed.push(person)
    if (welcomed.length === KILLED_AFTER) first.kill('SIGKILL')
  })
  assert.equal((await first.ended()).signal, 'SIGKILL')
  assert.equal(welcomed.length >= KILLED_AFTER, true)
  assert.equal(cutOff > 0, true)

  const second = await startServer({ DATABASE_URL: url })
  const statuses = new Map<number, number>()
  await forEach(welcomed, async (person) => {
    const { status } = await comingBack(() => openBrowser(second).logIn(person, { next: '/' }))
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
  })
  assert.deepEqual([...statuses], [[303, welcomed.length]])

  // Somebody who got no answer can sign up again, or is told that the account already exists.
  const lost = people.filter((person) => !welcomed.includes(person)).slice(0, 10)
  await forEach(lost, async (person) => {
    const again = await comingBack(() => openBrowser(second).signUp(person))
    assert.ok([303, 422].includes(again.status), String(again.status))
    assert.equal((await comingBack(() => openBrowser(second).logIn(person, { next: '/' }))).status, 303)
  })
})

/** To the second: when a Python backend starts and stops to accept a token, and how much two clocks may differ. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { apiLearner } from '../support/api.ts'
import { startApp } from '../support/app.ts'
import { startBackend } from '../support/backend.ts'
import { decode, type Json, resigned } from '../support/tokens.ts'

const app = await startApp({}, { atPublicUrl: true })
const backend = await startBackend({ MATRICULA_URL: app.url }, 'moved_clock:app')
const { api } = await apiLearner(app, 'Ada')
// The list of ended sessions is looked at below. Here its server's clock stands still, so it would soon be over.
const real = await resigned(app, await api.token(), { status: undefined })
const { iat, exp } = decode(real).claims
const noon = Math.floor(app.deps.now() / 1000)

/** The status that the backend answers when its clock shows this second. */
async function askAt(second: number, token: string): Promise<number> {
  await backend.send('PUT', `/clock/${second}`)
  return (await backend.get('/me', token)).status
}

describe('a token as it is issued', () => {
  const MOMENTS: [what: string, second: number, status: number][] = [
    ['on a clock that is 35 seconds behind', noon - 35, 200],
    ['on a clock that is 2 minutes behind', noon - 120, 401],
    ['on the same clock', noon, 200],
    ['on a clock that is 5 seconds ahead', noon + 5, 200],
    ['in its last second', exp - 1, 200],
    ['29 seconds after its end', exp + 29, 200],
    ['30 seconds after its end', exp + 30, 401],
    ['31 seconds after its end', exp + 31, 401],
    ['an hour after its end', exp + 3600, 401],
    ['30 seconds before its start', iat - 30, 200],
    ['31 seconds before its start', iat - 31, 401],
  ]
  for (const [what, second, status] of MOMENTS) {
    it(`is answered with ${status} ${what}`, async () => {
      assert.equal(await askAt(second, real), status)
    })
  }
})

describe('a token and the list that it names', () => {
  for (const seconds of [-34, 0, 5, 590]) {
    it(`are both good on a clock that is ${seconds} seconds ahead`, async () => {
      assert.equal(await askAt(noon + seconds, await api.token()), 200)
    })
  }
})

describe('[J05, J06] at noon, a token', () => {
  const ROWS: [row: string, what: string, claims: Json, status: number][] = [
    ['J05', 'that ended 29 seconds ago', { iat: noon - 929, exp: noon - 29 }, 200],
    ['J05', 'that ended 30 seconds ago', { iat: noon - 930, exp: noon - 30 }, 401],
    ['J05', 'that ended 31 seconds ago', { iat: noon - 931, exp: noon - 31 }, 401],
    ['J06', 'that starts in 5 seconds', { iat: noon + 5, exp: noon + 905 }, 200],
    ['J06', 'that starts in 30 seconds', { iat: noon + 30, exp: noon + 930 }, 200],
    ['J06', 'that starts in 31 seconds', { iat: noon + 31, exp: noon + 931 }, 401],
    ['J06', 'that starts in 2 minutes', { iat: noon + 120, exp: noon + 1020 }, 401],
    ['J06', 'not to be used for 30 seconds', { nbf: noon + 30 }, 200],
    ['J06', 'not to be used for 31 seconds', { nbf: noon + 31 }, 401],
    ['J06', 'not to be used before a word', { nbf: 'soon' }, 401],
  ]
  for (const [row, what, claims, status] of ROWS) {
    it(`${what} is answered with ${status} (${row})`, async () => {
      assert.equal(await askAt(noon, await resigned(app, real, claims)), status)
    })
  }
})

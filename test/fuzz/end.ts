/** What can only be seen by using it up, or costs too much after each step: looked at once, when a sequence is over. */
import assert from 'node:assert/strict'
import { COOKIES } from '../../src/web/session/cookies.ts'
import { openClient } from './client.ts'
import { accountOf, isGood, type Link, type Model } from './model.ts'
import { allTokens, refresh } from './tokens.ts'
import { isGoodCode, isGoodTicket } from './ways-in.ts'
import { foreseen, PASSWORDS, type World } from './world.ts'

export async function checkEnd(model: Model, world: World): Promise<void> {
  model.now = world.now()
  const seen = await world.observe({ again: true })
  assert.deepEqual(seen, foreseen(model, world, seen), 'nothing that was over is back')
  assert.deepEqual(await wrongAtTheEnd(model, world), [], 'every link, code and ticket does what it is for')
  await checkRefreshTokens(model, world)
  await checkPasswords(model, world)
  await world.takeLetters()
}

/** What can be seen of links, codes and half logins without using them up. Returns those that are not as they should be. */
export const wrongAtTheEnd = async (model: Model, world: World): Promise<string[]> => [
  ...(await wrongLinks(model, world)),
  ...(await wrongTickets(model, world)),
  ...(await wrongCodes(model, world)),
]

async function wrongTickets(model: Model, world: World): Promise<string[]> {
  const wrong: string[] = []
  for (const ticket of model.tickets) {
    const browser = openClient(world.app.url)
    browser.put(COOKIES.ticket.name, world.secret(`${ticket.key} ticket`))
    const { status } = await browser.get('/login/second-step')
    if (isGoodTicket(model, ticket) !== (status === 200)) wrong.push(`${JSON.stringify(ticket)} answers ${status}`)
  }
  return wrong
}

/** Opens the link of each code in a browser that holds the other part of it. */
async function wrongCodes(model: Model, world: World): Promise<string[]> {
  const wrong: string[] = []
  for (const code of model.codes) {
    if (!code.isMailed) continue
    const browser = openClient(world.app.url)
    browser.put(COOKIES.code.name, world.secret(`${code.key} request`))
    const { location } = await browser.get(world.secret(code.key))
    const { status } = await browser.get(location)
    if (isGoodCode(model, code) !== (status === 200)) wrong.push(`${JSON.stringify(code)} answers ${status}`)
  }
  return wrong
}

/** Opens every link, which changes nothing: its page says whether it is good. Returns those of which it says something else. */
async function wrongLinks(model: Model, world: World): Promise<string[]> {
  const wrong: string[] = []
  for (const link of model.links) {
    if (!link.isMailed) continue
    const visitor = openClient(world.app.url)
    const { location } = await visitor.get(world.secret(link.key))
    const { status } = await visitor.get(location)
    const account = accountOf(model, link.account)
    const isRight = isDoneBefore(model, link) ? status === 303 : isGood(model, link) === (status === 200)
    if (!isRight) wrong.push(`${JSON.stringify(link)} of ${JSON.stringify(account)} answers ${status}`)
  }
  return wrong
}

function isDoneBefore(model: Model, { account, purpose, email }: Link): boolean {
  const owner = accountOf(model, account)
  const isConfirmation = purpose === 'verify-email' || purpose === 'change-email'
  return isConfirmation && owner?.email === email && owner.isVerified && owner.leavesAt === undefined
}

async function checkRefreshTokens(model: Model, world: World): Promise<void> {
  for (const [index, { key }] of allTokens(model).entries()) {
    const aim = refresh.aim(model, { token: index })
    if (aim === undefined) continue
    const outcome = await refresh.perform(world, aim, `last ${key}`)
    model.now = world.now()
    assert.equal(outcome, refresh.step(model, aim, `last ${key}`).outcome, `the refresh token ${key}`)
  }
}

async function checkPasswords(model: Model, world: World): Promise<void> {
  for (const email of world.emails) {
    const account = model.accounts.find((it) => it.email === email)
    const isOpen = account && account.leavesAt === undefined && !account.isSuspended
    // Where nobody may log in, the right password is the one that must not help.
    for (const password of isOpen ? PASSWORDS : [account?.password ?? PASSWORDS[0]]) {
      const { status } = await openClient(world.app.url).call('/api/auth/sign-in/email', { email, password })
      assert.equal(status === 200, isOpen === true && account?.password === password, `${email} logs in: ${status}`)
    }
  }
}

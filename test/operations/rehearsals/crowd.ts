/** People who use a site while something happens to it, and what they were answered: all of that must be true afterwards. */
import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Browser, openBrowser, type Person, type Response, somebody } from '../../support/people.ts'
import { SECOND } from '../../support/tokens.ts'

const LESSON = 'f1'
const COMES_BACK_MS = 250
const PATIENCE_MS = 90 * SECOND
const THINKS_MS = 40

type Site = { url: string }

/** What somebody was told, and when. Undefined as long as nobody has answered. */
export type Life = {
  person: Person
  browser: Browser
  /** When the form was first sent. */
  beganAt: number
  signedUpAt?: number
  markedAt?: number
  loggedOutAt?: number
  /** A session that has ended, as a thief might have kept it. */
  endedSession?: string
  token?: string
}

export type Crowd = ReturnType<typeof gather>

/** Starts `size` people at once, each followed by the next, until `leave`. */
export function gather(site: Site, { size = 3 }: { size?: number } = {}) {
  const lives: Life[] = []
  const counts = { answered: 0, again: 0 }
  const surprises: string[] = []
  /** Sent twice, perhaps done at the first time. A logout then finds nobody to log out. */
  const askedAgain = new WeakSet<Response>()
  let isOver = false

  /** Does a thing until it is answered, as somebody who comes back after an outage. */
  async function ask(attempt: () => PromiseLike<Response>): Promise<Response> {
    for (let again = false, deadline = Date.now() + PATIENCE_MS; ; again = true) {
      const response = await attempt().then(
        (answer) => answer,
        () => undefined,
      )
      if (response !== undefined && response.status < 500) {
        counts.answered += 1
        if (again) askedAgain.add(response)
        return response
      }
      counts.again += 1
      if (Date.now() > deadline) throw new Error(`nobody has answered: ${response?.status}`)
      await sleep(COMES_BACK_MS)
    }
  }

  function expect(what: string, response: Response, wanted: number): boolean {
    const { status } = response
    if (status !== wanted && !askedAgain.has(response)) surprises.push(`${what}: ${status}`)
    return status === wanted
  }

  async function live(leaves: boolean): Promise<void> {
    const person = somebody('Ada')
    const address = `10.${randomInt(256)}.${randomInt(256)}.${randomInt(1, 255)}`
    const browser = openBrowser(site, { 'X-Forwarded-For': address })
    const life: Life = { person, browser, beganAt: Date.now() }
    lives.push(life)
    const tokenAt = async (path: string) => csrfOf((await ask(() => browser.get(path))).text)
    const { name, email, password } = person
    const _csrf = await tokenAt('/sign-up')
    const signedUp = await ask(() => browser.post('/sign-up', { name, email, password, _csrf }))
    if (!expect('sign-up', signedUp, 303)) return
    life.signedUpAt = Date.now()
    await sleep(THINKS_MS)
    const form = { state: 'done', from: 'lesson', _csrf: await tokenAt(`/lessons/${LESSON}`) }
    if (expect('lesson', await ask(() => browser.post(`/lessons/${LESSON}/progress`, form)), 303))
      life.markedAt = Date.now()
    const issued = await ask(() => browser.get('/api/auth/token'))
    if (expect('token', issued, 200)) life.token = issued.body.token
    if (!leaves) return
    const session = browser.cookie('matricula')
    const out = { _csrf: await tokenAt('/dashboard') }
    if (!expect('logout', await ask(() => browser.post('/logout', out)), 303)) return
    life.loggedOutAt = Date.now()
    if (session !== undefined) life.endedSession = session
  }

  async function oneAfterTheOther(): Promise<void> {
    for (let count = 0; !isOver; count += 1) await live(count % 3 === 2)
  }
  const all = Promise.all(Array.from({ length: size }, oneAfterTheOther))
  // It is awaited at the end.
  all.catch(() => {})
  return {
    lives,
    counts,
    surprises,
    signedUp: () => lives.filter(({ signedUpAt }) => signedUpAt !== undefined).length,
    async leave(): Promise<void> {
      isOver = true
      await all
    },
  }
}

const csrfOf = (html: string): string => /name="?_csrf"? value="([^"]*)"/.exec(html)?.[1] ?? ''

export type Findings = { checked: number; lost: string[] }

/**
 * Holds a site to what was answered before `until`: accounts, passwords, lessons and sessions are there, ended sessions are
 * not. Whoever has logged out logs in, and without `sessions` everybody; at most `logIns` of them, the newest, since they are
 * the likeliest to be lost.
 */
export async function check(
  site: Site,
  lives: readonly Life[],
  {
    until = Number.POSITIVE_INFINITY,
    logIns = 12,
    sessions = true,
  }: { until?: number; logIns?: number; sessions?: boolean } = {},
): Promise<Findings> {
  const lost: string[] = []
  const known = lives.filter(({ signedUpAt = Number.POSITIVE_INFINITY }) => signedUpAt < until)
  for (const [index, life] of known.toReversed().entries()) {
    const { person, browser, markedAt = Number.POSITIVE_INFINITY } = life
    const address = { 'X-Forwarded-For': `10.9.${randomInt(256)}.${randomInt(1, 255)}` }
    const isOut = life.loggedOutAt !== undefined
    const hasLeft = life.loggedOutAt !== undefined && life.loggedOutAt < until
    let visitor = browser
    if (!isOut && sessions && (await browser.whoAmI()) !== person.name) lost.push('a session')
    if (hasLeft && life.endedSession !== undefined) {
      const thief = openBrowser(site, { ...address, Cookie: `matricula=${life.endedSession}` })
      if ((await thief.whoAmI()) !== undefined) lost.push('a logout')
    }
    if (isOut || !sessions) {
      if (index >= logIns) continue
      visitor = openBrowser(site, address)
      const { status } = await patiently(() => visitor.logIn(person, { next: '/' }))
      if (status !== 303) lost.push(`an account: ${status}`)
    }
    if (markedAt < until) {
      const { body } = await visitor.get(`/api/progress/${LESSON}`)
      if (body.state !== 'done') lost.push('a lesson')
    }
  }
  return { checked: known.length, lost }
}

async function patiently(attempt: () => PromiseLike<Response>): Promise<Response> {
  for (const deadline = Date.now() + PATIENCE_MS; ; await sleep(COMES_BACK_MS)) {
    const response = await attempt()
    if (response.status < 500 || Date.now() > deadline) return response
  }
}

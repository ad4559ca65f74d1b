/** People who sign up, mark lessons, renew tokens, log out and reset passwords, and come back while nobody answers. */
import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse } from 'node-html-parser'
import PostalMime from 'postal-mime'
import { SMTPServer } from 'smtp-server'
import { CATALOGUE } from '../../../src/learning/catalogue.ts'
import { openBrowser, type Response, somebody } from '../../support/people.ts'
import type { Kind, Ledger, Life } from './ledger.ts'
import { undo, until } from './programs.ts'

const NEW_PASSWORD = 'another tidy copper lantern'
const COMES_BACK_MS = 500
const REFRESHES = 3
/** The answers to something that was done. */
const DONE = [200, 303]
const MARKS = 3
const MAILED_WITHIN_SECONDS = 25

type Site = { url: string }
type Mails = Awaited<ReturnType<typeof openMailServer>>
export type Course = { isOver: () => boolean }

/** Real SMTP on loopback. Holds the newest link for each address. */
export async function openMailServer() {
  const links = new Map<string, string>()
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    logger: false,
    onData(stream, { envelope }, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', async () => {
        const { text = '', subject = '' } = await PostalMime.parse(Buffer.concat(chunks))
        const [link] = /https?:\/\/\S+/.exec(text) ?? []
        for (const { address } of envelope.rcptTo) if (link && /Reset/.test(subject)) links.set(address, link)
        done()
      })
    },
  })
  server.on('error', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  undo.push(() => new Promise<void>((resolve) => server.close(() => resolve())))
  const address = server.server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { url: `smtp://127.0.0.1:${port}`, linkFor: (email: string) => links.get(email) }
}

/** Somebody new, whose browser knows one of the sites. */
export function begin(site: Site): { life: Life; browser: ReturnType<typeof openBrowser> } {
  const address = `10.${randomInt(256)}.${randomInt(256)}.${randomInt(1, 255)}`
  const life: Life = { person: somebody('Ada'), site, address, signedUp: false, done: new Set() }
  return { life, browser: openBrowser(site, { 'X-Forwarded-For': address }) }
}

/**
 * Does a thing again and again until it is answered, as somebody who comes back. Returns the answer, or undefined if there
 * was none before the end.
 */
async function answerTo(
  ledger: Ledger,
  { isOver }: Course,
  kind: Kind,
  attempt: () => PromiseLike<Response>,
): Promise<Response | undefined> {
  while (!isOver()) {
    const response = await attempt().then(
      (answer) => answer,
      () => undefined,
    )
    const isAnswered = response !== undefined && response.status < 500
    ledger.note(kind, response !== undefined && DONE.includes(response.status))
    if (isAnswered) return response
    await sleep(COMES_BACK_MS)
  }
  return undefined
}

/** One person after the other, until the course is over. Without `mails` they only sign up, and every other one logs out. */
export async function live(
  ledger: Ledger,
  course: Course,
  { sites, mails }: { sites: readonly Site[]; mails?: Mails },
): Promise<void> {
  for (let count = 0; !course.isOver(); count += 1) {
    const site = sites[count % sites.length]
    if (site === undefined) return
    try {
      await oneLife(ledger, course, site, mails)
    } catch {
      // A page that was to be opened was not there. Nothing was answered, so there is nothing to be held to.
      await sleep(COMES_BACK_MS)
    }
  }
}

async function oneLife(ledger: Ledger, course: Course, site: Site, mails: Mails | undefined): Promise<void> {
  const { life, browser } = begin(site)
  ledger.lives.push(life)
  const { name, email, password } = life.person
  const ask = (kind: Kind, attempt: () => PromiseLike<Response>) => answerTo(ledger, course, kind, attempt)
  // The same form each time, as it comes back: that is one sign-up.
  const _csrf = await browser.token('/sign-up')
  const signedUp = await ask('sign-up', () => browser.post('/sign-up', { name, email, password, _csrf }))
  if (signedUp?.status !== 303) return
  life.signedUp = true

  if (mails) {
    await study(life, browser, ask)
    await renew(life, browser, ask)
  }
  const fate = randomInt(mails ? 3 : 2)
  if (fate === 0) {
    const cookie = browser.cookie('matricula')
    const token = await browser.token('/dashboard')
    // Once only: an outage is answered with “You are not fully logged out yet”, and the browser has forgotten the session.
    const out = await browser.post('/logout', { _csrf: token }).catch(() => undefined)
    ledger.note('logout', out?.status === 303)
    if (out?.status === 303 && cookie !== undefined) life.endedSession = cookie
  }
  if (mails && fate === 1) await reset(life, site, mails, ask)
}

type Ask = (kind: Kind, attempt: () => PromiseLike<Response>) => Promise<Response | undefined>
type Browser = ReturnType<typeof openBrowser>

async function study(life: Life, browser: Browser, ask: Ask): Promise<void> {
  for (const { id } of CATALOGUE.lessons.slice(0, MARKS)) {
    const token = await browser.token(`/lessons/${id}`)
    const fields = { state: 'done', from: 'lesson', _csrf: token }
    const marked = await ask('progress', () => browser.post(`/lessons/${id}/progress`, fields))
    if (marked?.status === 303) life.done.add(id)
  }
}

async function renew(life: Life, browser: Browser, ask: Ask): Promise<void> {
  const post = (path: string, body: object) =>
    browser.agent
      .post(path)
      .set({ Origin: life.site.url, 'X-Forwarded-For': life.address })
      .ok(() => true)
      .send(body)
  for (let times = 0; times < REFRESHES; times += 1) {
    const { refreshToken } = life
    // Sent again it answers with the same pair, for as long as the 20 seconds of grace last.
    const answer = await (refreshToken === undefined
      ? ask('refresh', () => post('/api/auth/refresh-token', {}))
      : ask('refresh', () => post('/api/auth/refresh', { refreshToken })))
    // Used before the loss and sent again after the grace: that ends the family, as it must.
    if (answer?.status !== 200) delete life.refreshToken
    if (answer?.status !== 200) return
    life.refreshToken = answer.body.refreshToken
  }
}

async function reset(life: Life, site: Site, mails: Mails, ask: Ask): Promise<void> {
  const { email } = life.person
  const elsewhere = openBrowser(site, { 'X-Forwarded-For': life.address })
  const token = await elsewhere.token('/password-reset')
  const asked = await ask('reset', () => elsewhere.post('/password-reset', { email, _csrf: token }))
  if (asked?.status !== 303) return
  const link = new URL(await until('a mail', MAILED_WITHIN_SECONDS, () => mails.linkFor(email)))
  const { headers } = await elsewhere.get(link.pathname + link.search)
  const page = await elsewhere.get(headers.location ?? '/')
  const _csrf = parse(page.text).querySelector('main input[name=_csrf]')?.getAttribute('value') ?? ''
  life.resetUnanswered = true
  const done = await ask('reset', () => elsewhere.post('/password-reset/new', { password: NEW_PASSWORD, _csrf }))
  if (done?.status !== 303 || !/password-reset$/.test(done.headers.location ?? '')) return
  life.newPassword = NEW_PASSWORD
}

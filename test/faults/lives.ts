/** People who sign up, refresh, reset and leave while something fails, and what they were answered: that must be there afterwards. */
import { createHash, randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Sql } from '../../src/database/database.ts'
import type { Mailbox } from '../support/mailbox.ts'
import { NEW_PASSWORD, open, RESET } from '../support/mailed.ts'
import { type Browser, openBrowser, type Person, type Response, somebody } from '../support/people.ts'
import { type Tally, tallied } from './report.ts'

/** It must trust the proxy in front: `TRUST_PROXY=1`. */
type Site = { url: string }

/** What was answered with success. Of all else nobody knows whether it was done. */
type Life = {
  person: Person
  signedUp: boolean
  /** The newest refresh token that was answered, until something may have ended its session. */
  refreshToken?: string | undefined
  reset: boolean
  left: boolean
}

export type Ledger = ReturnType<typeof createLedger>

export const createLedger = () => ({ lives: [] as Life[], tally: new Map() as Tally })

const MAILED_WITHIN_MS = 3_000
const POLL_MS = 20
const REFRESHES = 3
const FATES = 4

type Course = { site: Site; ledger: Ledger; isOver: () => boolean; mailbox?: Mailbox | undefined }

/** So many people at once, one after the other, until it is over. */
export async function liveTogether(course: Course, atOnce: number): Promise<void> {
  const live = async () => {
    while (!course.isOver()) {
      // A page that was to be opened was not there, so nothing was asked.
      await oneLife(course).catch(() => sleep(POLL_MS))
    }
  }
  await Promise.all(Array.from({ length: atOnce }, live))
}

async function oneLife({ site, ledger, isOver, mailbox }: Course): Promise<void> {
  // Each from elsewhere, as the proxy in front says: the limits of a network are not the subject.
  const headers = { 'X-Forwarded-For': `10.${randomInt(256)}.${randomInt(256)}.${randomInt(1, 255)}` }
  const browser = openBrowser(site, headers)
  const life: Life = { person: somebody('Ada'), signedUp: false, reset: false, left: false }
  ledger.lives.push(life)
  const ask = (asking: PromiseLike<Response>) => tallied(ledger.tally, asking)
  const { person } = life
  const _csrf = await browser.token('/sign-up')
  // The first mail of an account comes before all that follows.
  life.signedUp = (await ask(browser.post('/sign-up', { ...person, _csrf })))?.status === 303
  if (!life.signedUp) return
  const refresh = (path: string, body: object) => ask(callTo(browser, { ...headers, Origin: site.url }, path, body))
  for (let times = 0; times < REFRESHES && !isOver(); times += 1) {
    const { refreshToken } = life
    const answer = await (refreshToken === undefined
      ? refresh('/api/auth/refresh-token', {})
      : refresh('/api/auth/refresh', { refreshToken }))
    if (answer?.status !== 200) break
    life.refreshToken = answer.body.refreshToken
  }
  const fate = randomInt(FATES)
  if (fate === 0) await leave(life, browser, ask)
  if (fate === 1 && mailbox) await reset(life, { elsewhere: openBrowser(site, headers), mailbox, isOver }, ask)
}

const callTo = (browser: Browser, headers: Record<string, string>, path: string, body: object) =>
  browser.agent
    .post(path)
    .set(headers)
    .ok(() => true)
    .send(body)

type Ask = (asking: PromiseLike<Response>) => Promise<Response | undefined>

async function leave(life: Life, browser: Browser, ask: Ask): Promise<void> {
  const _csrf = await browser.token('/account/account-deletion')
  life.refreshToken = undefined
  const body = { password: life.person.password, sure: 'yes', _csrf }
  life.left = (await ask(browser.post('/account/account-deletion', body)))?.status === 303
}

async function reset(
  life: Life,
  { elsewhere, mailbox, isOver }: { elsewhere: Browser; mailbox: Mailbox; isOver: () => boolean },
  ask: Ask,
): Promise<void> {
  const { email } = life.person
  const asked = await ask(elsewhere.submit('/password-reset', { email }))
  if (asked?.status !== 303) return
  for (const until = Date.now() + MAILED_WITHIN_MS; Date.now() < until && !isOver(); await sleep(POLL_MS)) {
    const [letter] = mailbox.to(email, RESET.subject)
    if (letter === undefined) continue
    await open(elsewhere, letter)
    const _csrf = await elsewhere.token(RESET.page)
    life.refreshToken = undefined
    const done = await ask(elsewhere.post(RESET.page, { password: NEW_PASSWORD, _csrf }))
    life.reset = done?.status === 303 && /^\/login/.test(done.headers.location ?? '')
    return
  }
}

type Found = { email: string; left: boolean; resets: number; families: number }

/** How much of what was answered is not there. Nobody is logged in for it, so that it costs no hashes. */
export async function countLost(sql: Sql, { lives }: Ledger): Promise<number> {
  const rows = await sql<Found>`
    select u.email, u.delete_at is not null as left,
      (select count(*) from activity a where a.user_id = u.id and a.kind = 'password-reset') as resets
    from all_users u`
  const found = new Map(rows.map((row) => [row.email, row]))
  const tokens = await sql<{ tokenHash: string }>`select token_hash from refresh_tokens`
  const held = new Set(tokens.map(({ tokenHash }) => tokenHash))
  const isLost = ({ person, signedUp, refreshToken, reset: wasReset, left }: Life): boolean => {
    const row = found.get(person.email)
    if (!signedUp) return false
    // Where no mail is sent there is no grace, and whoever has left is gone.
    if (left) return row !== undefined && !row.left
    if (row === undefined || (wasReset && row.resets === 0)) return true
    return refreshToken !== undefined && !held.has(hashOf(refreshToken))
  }
  return lives.filter(isLost).length
}

const hashOf = (token: string): string => createHash('sha256').update(token).digest('base64url')

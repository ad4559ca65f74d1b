/** The real app as the fuzz meets it: a few browsers, the letters that it writes, and who it says is in where. */
import assert from 'node:assert/strict'
import { COOKIES } from '../../src/web/session/cookies.ts'
import { startApp, type TestApp } from '../support/app.ts'
import type { Authenticator } from '../support/authenticator.ts'
import { COOKIE } from '../support/sessions.ts'
import { type Answer, type Client, openClient } from './client.ts'
import { newLetters, type Received } from './letters.ts'
import { accountOf, BROWSERS, isOpen, type Letter, learnerIn, type Model, type Outcome, visit } from './model.ts'
import { described as describedWays } from './ways-in.ts'

export type World = Awaited<ReturnType<typeof openWorld>>
export type Seen = Record<string, string>

/** Nobody listens there: the letters are read where they wait to be sent. */
const NO_MAIL_SERVER = { SMTP_URL: 'smtp://127.0.0.1:9', MAIL_FROM: 'no-reply@matricula.example' }
/** A pass is good for as long as it says and this leeway. */
const LEEWAY_MS = 30_000

export const EMAILS = 3
export const PASSWORDS = ['plain tidy copper lantern', 'another tidy copper lantern', 'quiet amber river stone']

export async function startFuzzed(): Promise<TestApp> {
  const app = await startApp(NO_MAIL_SERVER, { watched: false })
  await app.deps.mail.stop()
  return app
}

/** Other people's browsers, addresses and letters for each sequence. */
export async function openWorld(app: TestApp, name: string) {
  const browsers = Array.from({ length: BROWSERS }, () => openClient(app.url))
  const emails = Array.from({ length: EMAILS }, (_, index) => `${name}-${index}@example.org`)
  /** What only the holder knows, by the model's name for it: links and refresh tokens. */
  const secrets = new Map<string, string>()
  /** The six digits of letters. They may stand anywhere by chance, so nobody looks for them. */
  const digits = new Map<string, string>()
  /** What signs with each passkey, and by which id its owner removes it. */
  const authenticators = new Map<string, Authenticator & { passkeyId: string }>()
  /** What the app has asked an authenticator to make. */
  const offers = new Map<string, Parameters<Authenticator['create']>[0]>()
  /** Access tokens. */
  const passes = new Map<string, string>()
  /** For each session its cookie, and the name by which its owner ends it. */
  const cookies = new Map<string, string>()
  const handles = new Map<string, string>()
  /** Sessions and access tokens that were seen to be over. */
  const over = new Set<string>()

  const world = {
    app,
    emails,
    secrets,
    digits,
    authenticators,
    offers,
    passes,
    cookies,
    handles,
    now: () => app.deps.now(),
    browser(index: number): Client {
      return browsers[index] ?? assert.fail(`no browser ${index}`)
    },
    secret: (key: string): string => secrets.get(key) ?? assert.fail(`no secret for ${key}`),
    /** Notes that the cookie in this browser is that of a session. */
    keepCookie(browser: number, session: string): void {
      cookies.set(session, world.browser(browser).cookie(COOKIE) ?? assert.fail('logged in without a cookie'))
    },
    /** Notes what a login has left in this browser: a session, or what stands between the two steps. */
    keepLogin(browser: number, key: string, outcome: Outcome): Outcome {
      const ticket = world.browser(browser).cookie(COOKIES.ticket.name)
      if (outcome === 'done') world.keepCookie(browser, key)
      if (outcome === 'second step') secrets.set(`${key} ticket`, ticket ?? assert.fail('halfway without a ticket'))
      return outcome
    },
    /** Nothing here is about limits. Takes the letters that wait. */
    async takeLetters(): Promise<Received[]> {
      await app.sql`delete from rate_limits`
      return newLetters(app)
    },
    /** Who is in where, as the app says it. What was over before is looked at again only if `again`. */
    async observe({ again = false } = {}): Promise<Seen> {
      const seen: Seen = {}
      const isLookedAt = (name: string) => again || !over.has(name)
      const lookAtSession = async ([key, cookie]: [string, string]) => {
        if (!isLookedAt(`session ${key}`)) return
        const thief = openClient(app.url)
        thief.put(COOKIE, cookie)
        const { text } = await thief.get('/api/auth/get-session')
        const found = JSON.parse(text) as {
          user: { email: string; emailVerified: boolean }
          session: { id: string }
        } | null
        if (found) handles.set(key, found.session.id)
        seen[`session ${key}`] = found ? described(found.user.email, found.user.emailVerified) : 'over'
      }
      const lookAtPass = async ([key, pass]: [string, string]) => {
        if (!isLookedAt(`pass ${key}`)) return
        const { status, text } = await openClient(app.url).get('/api/me', { Authorization: `Bearer ${pass}` })
        seen[`pass ${key}`] =
          status === 200 ? (JSON.parse(text) as { user: { email: string } }).user.email : String(status)
      }
      const lookInto = async (browser: Client, index: number) => {
        const { text } = await browser.get('/cookies')
        seen[`browser ${index}`] = /class="site-nav-name"[^>]*>([^<]*)/.exec(text)?.[1] ?? 'visitor'
      }
      await Promise.all([...[...cookies].map(lookAtSession), ...[...passes].map(lookAtPass), ...browsers.map(lookInto)])
      for (const [name, what] of Object.entries(seen)) if (['over', '401'].includes(what)) over.add(name)
      const rows = await app.sql<{
        name: string
        email: string
        emailVerified: boolean
        passwordVersion: number
        leaves: boolean
        secondStep: boolean
        lastStep: string
        codes: number
        counts: string
      }>`
        select name, email, email_verified, password_version, delete_at is not null as leaves, second_step,
          (select last_step from second_steps s where s.user_id = u.id) as last_step,
          (select count(*)::int from recovery_codes c where c.user_id = u.id and c.used_at is null) as codes,
          (select coalesce(string_agg(sign_count::text, ',' order by sign_count), 'none')
            from passkeys p where p.user_id = u.id) as counts
        from all_users u where email = any(${emails})`
      for (const row of rows) {
        const steps = row.secondStep ? `second step ${row.lastStep} with ${row.codes} codes` : 'one step'
        const words = [described(row.email, row.emailVerified), row.passwordVersion, row.leaves ? 'leaves' : 'stays']
        seen[`account ${row.name}`] = `${words.join(' ')}, passkeys ${row.counts}, ${steps}`
      }
      return seen
    },
    /** Nothing that opens anything, and no address, may stand in the log. */
    assertSilentLog(): void {
      const log = app.takeLog()
      const ids = [...cookies.values()].map((cookie) => decodeURIComponent(cookie).slice(2).split('.')[0] ?? '')
      const tokens = [...secrets.values(), ...passes.values()].map((secret) => secret.split('/').at(-1) ?? '')
      for (const secret of [...ids, ...tokens, ...emails, ...PASSWORDS]) {
        assert.ok(!log.includes(secret), `in the log: ${secret}`)
      }
    },
  }
  await world.takeLetters()
  return world
}

const described = (email: string, isVerified: boolean): string =>
  `${email} ${isVerified ? 'confirmed' : 'not confirmed'}`

/** Who must be in where, of all that the app was asked about. Every session is visited by looking. */
export function foreseen(model: Model, { cookies, passes, emails }: World, asked: Seen): Seen {
  const seen: Seen = {}
  for (const key of cookies.keys()) {
    if (!(`session ${key}` in asked)) continue
    const session = model.sessions.find((it) => it.key === key)
    const account = session && isOpen(model, session) ? accountOf(model, session.account) : undefined
    seen[`session ${key}`] = account ? described(account.email, account.isVerified) : 'over'
    if (session) visit(model, session)
  }
  for (const key of passes.keys()) {
    if (!(`pass ${key}` in asked)) continue
    const pass = model.passes.find((it) => it.key === key)
    const session = model.sessions.find((it) => it.key === pass?.session)
    const isGood = pass && session && isOpen(model, session) && pass.goodUntil + LEEWAY_MS > model.now
    const holder = isGood ? accountOf(model, session.account) : undefined
    seen[`pass ${key}`] = holder?.email ?? '401'
  }
  for (let index = 0; index < BROWSERS; index += 1) {
    seen[`browser ${index}`] = learnerIn(model, index)?.key ?? 'visitor'
  }
  for (const account of model.accounts) {
    const { key, email, isVerified, version, leavesAt } = account
    if (!emails.includes(email)) continue
    const words = [described(email, isVerified), version, leavesAt === undefined ? 'stays' : 'leaves']
    seen[`account ${key}`] = `${words.join(' ')}, ${describedWays(model, account)}`
  }
  return seen
}

/**
 * Gives the letters that came to the links and codes of the model. Returns what is missing or too much, and each letter.
 */
export function deliver(
  model: Model,
  { expected, received, isRace }: { expected: readonly Letter[]; received: readonly Received[]; isRace: boolean },
): { wrong: string[]; read: Map<string, Received> } {
  const left = [...received]
  const wrong: string[] = []
  const read = new Map<string, Received>()
  const late = model.late
  model.late = []
  const certainFirst = [...expected, ...late].toSorted(
    (one, other) => Number(one.isOptional ?? false) - Number(other.isOptional ?? false),
  )
  for (const letter of certainFirst) {
    const { to, page, key, isOptional } = letter
    const isSame = (it: Received) => it.to === to && it.page === page
    const found = left.find(isSame)
    const link = model.links.find((it) => it.key === key)
    const mailed = link ?? model.codes.find((it) => it.key === key)
    if (found) left.splice(left.indexOf(found), 1)
    else if (letter.isLate) model.late.push(letter)
    else {
      if (!isOptional) wrong.push(`no letter of ${page || 'no page'} to ${to}`)
      if (link) model.links.splice(model.links.indexOf(link), 1)
    }
    // Of two at the same moment nobody knows which is which.
    if (found && mailed && !(isRace && received.filter(isSame).length > 1)) {
      read.set(mailed.key, found)
      mailed.isMailed = true
    }
  }
  wrong.push(...left.map(({ to, page }) => `a letter of ${page || 'no page'} to ${to} that nobody expected`))
  return { wrong, read }
}

/** Where somebody is led who has to show first that they may. */
const ELSEWHERE =
  /^\/(login(\?next|\?done=second-step-over|$)|account\/(password-confirmation|second-step\/confirmation))/

/** Whether a page did what was asked: then it leads on. */
export function ofPage({ status, location, text, route }: Answer): Outcome {
  if (status === 303 && !ELSEWHERE.test(location)) return 'done'
  if (status === 303 || [403, 404, 410, 422].includes(status)) return 'no'
  return assert.fail(`${route} answered ${status}: ${text.slice(0, 300)}`)
}

export function ofApi({ status, text, route }: Answer): Outcome {
  if (status === 200) return 'done'
  if ([400, 401, 403, 404, 422].includes(status)) return 'no'
  return assert.fail(`${route} answered ${status}: ${text.slice(0, 300)}`)
}

/** How a login ended, on a page or in the API. */
export function ofLogin(answer: Answer): Outcome {
  const isHalf = answer.location === '/login/second-step' || /^{"twoFactorRedirect":true/.test(answer.text)
  if (isHalf) return 'second step'
  return answer.route.startsWith('POST /api/') ? ofApi(answer) : ofPage(answer)
}

/** People who use the app through its pages: they open a page, fill in its form and press the button. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse } from 'node-html-parser'
import supertest from 'supertest'
import type { TestApp } from './app.ts'

export const PASSWORD = 'plain tidy copper lantern'

/** How long a busy machine may have no room for somebody. */
const PATIENCE_MS = 60_000

type Fields = Record<string, string>
export type Response = supertest.Response
export type Browser = ReturnType<typeof openBrowser>

/** A browser without JavaScript. It keeps cookies and sends forms, but does not follow redirects by itself. */
export function openBrowser(app: Pick<TestApp, 'url'>, headers: Fields = {}) {
  const agent = supertest.agent(app.url)
  const browser = {
    agent,
    get: (path: string) =>
      agent
        .get(path)
        .set(headers)
        .redirects(0)
        .ok(() => true),
    /** Sends a body unchanged, without opening the page first. */
    post: (path: string, body: Fields | string = {}, more: Fields = {}) =>
      agent
        .post(path)
        .set({ ...headers, ...more })
        .type('form')
        .redirects(0)
        .ok(() => true)
        .send(body),
    /** The CSRF token of a page's first form. */
    async token(path: string): Promise<string> {
      return tokenOf((await browser.get(path)).text)
    },
    /** Opens the page, fills in its form and sends it. */
    async submit(path: string, fields: Fields | string, more: Fields = {}): Promise<Response> {
      const token = await browser.token(path)
      const body =
        typeof fields === 'string' ? `${fields}&_csrf=${encodeURIComponent(token)}` : { ...fields, _csrf: token }
      return browser.post(path, body, more)
    },
    /** The name that the page shows, or undefined for a visitor. */
    async whoAmI(): Promise<string | undefined> {
      const page = await browser.get('/')
      return parse(page.text).querySelector('.site-nav-name')?.text
    },
    signUp: (person: Person) =>
      browser.submit('/sign-up', { name: person.name, email: person.email, password: person.password }),
    logIn: (person: Pick<Person, 'email' | 'password'>, more: Fields = {}) =>
      browser.submit('/login', { email: person.email, password: person.password, ...more }),
    /** Presses "Log out" on the dashboard. */
    logOut: () => browser.submitTo('/dashboard', '/logout'),
    /** Sends the form of one page to another address. */
    async submitTo(page: string, action: string, fields: Fields = {}): Promise<Response> {
      return browser.post(action, { ...fields, _csrf: await browser.token(page) })
    },
    /** The cookie of this name as the browser would send it, or undefined. */
    cookie(name: string): string | undefined {
      return agent.jar.getCookie(name, { domain: '127.0.0.1', path: '/', secure: false, script: false } as never)?.value
    },
  }
  return browser
}

export type Person = { name: string; email: string; password: string }

/** Somebody with a unique address, so that tests need no cleanup. */
export function somebody(name: string): Person {
  return { name, email: `${name.toLowerCase()}-${randomBytes(5).toString('hex')}@example.org`, password: PASSWORD }
}

/**
 * Comes back as `Retry-After` says, when a slow machine has no room for a hash or a turn. For tests in which many log in or
 * sign up at once, and neither the storm nor an outage is the subject.
 */
export async function comingBack(attempt: () => PromiseLike<Response>): Promise<Response> {
  for (const deadline = Date.now() + PATIENCE_MS; ; ) {
    const response = await attempt()
    if (response.status !== 503 || Date.now() > deadline) return response
    await sleep(1_000 * Number(response.headers['retry-after']))
  }
}

/** Signs somebody up. Returns them and the browser in which they are logged in. */
export async function learner(app: Pick<TestApp, 'url'>, name: string): Promise<{ person: Person; browser: Browser }> {
  const person = somebody(name)
  const browser = openBrowser(app)
  const response = await comingBack(() => browser.signUp(person))
  if (response.status !== 303) throw new Error(`sign-up of ${name} answered ${response.status}`)
  return { person, browser }
}

export function tokenOf(html: string): string {
  return parse(html).querySelector('input[name=_csrf]')?.getAttribute('value') ?? ''
}

/** The messages in the error summary of a page, with the fields that they link to. */
export function problemsOf(html: string): { href: string; message: string }[] {
  return parse(html)
    .querySelectorAll('#error-summary a')
    .map((link) => ({ href: link.getAttribute('href') ?? '', message: link.text.trim() }))
}

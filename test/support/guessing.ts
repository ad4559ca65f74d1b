/** Strangers who guess at a password, each from a network of their own, and devices that they cannot keep out. */
import type { Policy } from '../../src/limits/policies.ts'
import type { TestApp } from './app.ts'
import { type Browser, openBrowser, type Person, type Response } from './people.ts'

export const DEVICE_COOKIE = 'matricula-device'
export const TRIES = 10
export const FAILURES_MAX = 100
const FAILURE_KEPT_MS = 8 * 60 * 60_000

let networks = 0
/** An IPv4 address that nobody in this file has used yet. */
export function newNetwork(): string {
  networks += 1
  return `198.51.${networks >> 8}.${networks & 255}`
}

/** A browser that no account knows, in a network of its own. The app must trust one proxy. */
export const stranger = (app: Pick<TestApp, 'url'>): Browser => openBrowser(app, { 'X-Forwarded-For': newNetwork() })

export const guess = (app: Pick<TestApp, 'url'>, { email }: Pick<Person, 'email'>): Promise<Response> =>
  stranger(app).logIn({ email, password: 'not the password' }, { next: '/' })

/** Counts as the app does, without making the tries. */
export async function useUp(app: TestApp, policy: Policy, subject: string, tries: number): Promise<void> {
  for (let count = 0; count < tries; count += 1) await app.deps.rateLimits.count(policy, subject)
}

/** As after a hundred wrong passwords in a row, the last ten of them a while ago. */
export const shutStrangersOut = (app: TestApp, { email }: Pick<Person, 'email'>): Promise<void> =>
  haveFailed(app, 'failuresByAddress', email, FAILURES_MAX)

/** Sets how many tries in a row were wrong lately. */
export async function haveFailed(app: TestApp, policy: Policy, subject: string, failures: number): Promise<void> {
  const { deps, sql } = app
  await sql`
    insert into rate_limits (key, points, expire)
    values (${deps.rateLimits.keyOf(policy, subject)}, ${failures}, ${deps.now() + failures * FAILURE_KEPT_MS})
    on conflict (key) do update set points = excluded.points, expire = excluded.expire`
}

/** Puts what another device holds into this browser. */
export function giveDeviceCookie(browser: Browser, value: string): Browser {
  browser.agent.jar.setCookie(`${DEVICE_COOKIE}=${value}`, '127.0.0.1', '/')
  return browser
}

/** Whether the account knows the device: then its owner logs in while strangers are shut out. */
export async function isKnown(app: TestApp, browser: Browser, person: Person): Promise<boolean> {
  await shutStrangersOut(app, person)
  const { status } = await browser.logIn(person, { next: '/' })
  await app.deps.rateLimits.clear('failuresByAddress', person.email)
  if (status !== 303 && status !== 429) throw new Error(`the login answered ${status}`)
  return status === 303
}

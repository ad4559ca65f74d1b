/**
 * One learner who goes on with the course in plain HTTP while the primary is lost, now at one server and now at the other,
 * as a proxy in front leads them; and one who logs in at that moment.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse } from 'node-html-parser'
import { CATALOGUE } from '../../../src/learning/catalogue.ts'
import { openBrowser, type Response, somebody } from '../../support/people.ts'
import type { Course } from './load.ts'

const READS_MS = 400
const LESSONS = CATALOGUE.lessons.map(({ id }) => id)

type Fields = Record<string, string>
type Opened = { id: string; html: string }
export type Walk = { email: string; done: string[]; pages503: number; forms503: number }

/** What a browser sends of a form, without passwords. The button is pressed that says so. */
function formIn(html: string, action: string, button: Fields = {}): Fields {
  const form = parse(html).querySelector(`main form[action="${action}"]`)
  assert.ok(form, `the page has a form for ${action}`)
  const inputs = form.querySelectorAll('input:not([type=password])')
  const typed = inputs.filter((input) => input.getAttribute('type') !== 'checkbox' || input.hasAttribute('checked'))
  return {
    ...Object.fromEntries(typed.map((input) => [input.getAttribute('name') ?? '', input.getAttribute('value') ?? ''])),
    ...button,
  }
}

function isOutage(response: Response): boolean {
  if (response.status !== 503) return false
  assert.match(response.headers['retry-after'] ?? '', /^[1-9]\d*$/, 'a 503 says when to come back')
  assert.match(response.text, /<h1>/, 'a 503 is a page')
  return true
}

/** Two browsers with one set of cookies, since cookies do not know ports. */
function atBoth(sites: readonly { url: string }[], address: string) {
  const browsers = sites.map((site) => openBrowser(site, { 'X-Forwarded-For': address }))
  const [first] = browsers
  assert.ok(first)
  for (const { agent } of browsers) Object.assign(agent, { jar: first.agent.jar })
  let turn = 0
  const next = () => {
    turn += 1
    return browsers[turn % browsers.length] ?? first
  }
  return { first, next }
}

export async function walk(sites: readonly { url: string }[], { isOver }: Course): Promise<Walk> {
  const person = somebody('Grace')
  const { first, next } = atBoth(sites, '10.99.0.1')
  assert.equal((await first.signUp(person)).status, 303)
  const walked: Walk = { email: person.email, done: [], pages503: 0, forms503: 0 }
  let opened: Opened | undefined
  while (!isOver() && walked.done.length < LESSONS.length - 1) {
    opened ??= await open(walked.done.length)
    // In a second tab. So whenever the primary is lost, there is a form that was opened before.
    const ahead: Opened | undefined = await open(walked.done.length + 1)
    await sleep(READS_MS)
    if (opened === undefined) continue
    await mark(opened)
    opened = ahead
  }
  return walked

  async function open(index: number): Promise<Opened | undefined> {
    const id = LESSONS[index] ?? ''
    const page = await next().get(`/lessons/${id}`)
    if (!isOutage(page)) return { id, html: page.text }
    walked.pages503 += 1
    return undefined
  }

  /** Presses the button. A form that comes back holds what was pressed, and is sent as it is. */
  async function mark({ id, html }: Opened) {
    const action = `/lessons/${id}/progress`
    let fields = formIn(html, action, { state: 'done' })
    for (;;) {
      const answer = await next().post(action, fields)
      if (!isOutage(answer)) {
        assert.deepEqual([answer.status, answer.headers.location], [303, `/lessons/${id}`])
        walked.done.push(id)
        return
      }
      walked.forms503 += 1
      fields = formIn(answer.text, action)
      assert.deepEqual([fields.state, fields.from], ['done', 'lesson'])
      if (isOutage(await next().get('/dashboard'))) walked.pages503 += 1
      await sleep(READS_MS)
    }
  }
}

/**
 * Prepares somebody who logs in at the moment of the loss. The form keeps the address and the choice, and never the password.
 * What is returned sends it, as often as it comes back, and says how often that was.
 */
export async function prepareLogin(sites: readonly { url: string }[]): Promise<() => Promise<number>> {
  const person = somebody('Mary')
  const { first, next } = atBoth(sites, '10.99.0.2')
  assert.equal((await first.signUp(person)).status, 303)
  assert.equal((await first.logOut()).status, 303)
  const page = await first.get('/login')
  let fields: Fields = { ...formIn(page.text, '/login'), email: person.email, remember: 'yes' }
  return async () => {
    for (let forms503 = 0; ; forms503 += 1) {
      const answer = await next().post('/login', { ...fields, password: person.password })
      if (!isOutage(answer)) {
        assert.equal(answer.status, 303)
        return forms503
      }
      fields = formIn(answer.text, '/login')
      assert.deepEqual([fields.email, fields.remember], [person.email, 'yes'])
      assert.equal(answer.text.includes(person.password), false)
      await sleep(READS_MS)
    }
  }
}

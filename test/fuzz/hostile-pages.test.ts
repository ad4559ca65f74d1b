/** Finds every form that links lead to, as a visitor, a learner and somebody with a letter, and sends it everything that nobody types. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { type HTMLElement, parse } from 'node-html-parser'
import { type Client, openClient } from './client.ts'
import { assertHarmless, assertNotLogged, MARK, SIGN, seed, someOf, TEXTS } from './hostile.ts'
import { newLetters } from './letters.ts'
import { PASSWORDS, startFuzzed } from './world.ts'

const app = await startFuzzed()
const [PASSWORD = ''] = PASSWORDS
const PAGES_MAX = 400

type Form = { page: string; action: string; fields: [name: string, value: string][] }
let people = 0

/** Somebody who has signed up in a browser that calls itself by the mark, and the letters so far. */
async function newLearner(): Promise<{ client: Client; email: string }> {
  people += 1
  const client = openClient(app.url)
  const email = `hostile-${people}@example.org`
  const person = { name: 'Ada', email, password: PASSWORD }
  const headers = { 'User-Agent': MARK }
  const { status } = await client.send('POST', '/api/auth/sign-up/email', { json: person, headers })
  assert.equal(status, 200)
  return { client, email }
}

/** The forms of a page that send something. */
function formsOf(page: string, root: HTMLElement): Form[] {
  return root.querySelectorAll('form[method=post]').map((form) => ({
    page,
    action: form.getAttribute('action') ?? page,
    fields: form
      .querySelectorAll('input, select, textarea, button')
      .filter((field) => field.getAttribute('name') && field.getAttribute('name') !== '_csrf')
      .map((field) => [field.getAttribute('name') ?? '', field.getAttribute('value') ?? '']),
  }))
}

/** An address without what differs from one learner to the next. */
const shapeOf = (path: string): string => path.replace(/[A-Za-z0-9]{24,}/g, '*')

/** Every page that links lead to from these, and the forms on them. */
async function explore(client: Client, from: readonly string[]): Promise<{ pages: string[]; forms: Form[] }> {
  const found = new Map(from.map((path) => [shapeOf(path), path]))
  const forms = new Map<string, Form>()
  for (const path of found.values()) {
    const answer = await client.get(path)
    const { pathname: onwards } = new URL(answer.location || path, app.url)
    const here = answer.location ? [onwards] : []
    if (answer.headers['content-type']?.startsWith('text/html')) {
      assertHarmless(answer, 'opened')
      const root = parse(answer.text)
      for (const form of formsOf(path, root)) {
        const names = form.fields.map(([name]) => name)
        forms.set([shapeOf(form.action), ...names].join(' '), form)
      }
      const links = root.querySelectorAll('a[href]').map((link) => link.getAttribute('href') ?? '')
      here.push(...links.filter((href) => /^\/(?!\/)/.test(href)).map((href) => href.replace(/#.*/, '')))
    }
    for (const next of here) if (found.size < PAGES_MAX && !found.has(shapeOf(next))) found.set(shapeOf(next), next)
  }
  return { pages: [...found.values()], forms: [...forms.values()] }
}

/** Half a pair is sent as the bytes that would be its own, which are no UTF-8. */
const HALF_PAIR = encodeURIComponent('half a pair')
const encoded = (pairs: readonly (readonly [string, string])[]): string =>
  pairs
    .map((pair) => pair.map((text) => encodeURIComponent(text.replaceAll('\ud800', 'half a pair'))).join('='))
    .join('&')
    .replaceAll(HALF_PAIR, '%ED%A0%80')

/** All bodies in which one field is not as it should be, and a few that are no forms at all. */
function* bodiesOf({ fields }: Form): Generator<[what: string, body: string]> {
  for (const [index, [name]] of fields.entries()) {
    const others = fields.filter((_, other) => other !== index)
    for (const [what, value] of Object.entries(TEXTS)) yield [`${name} is ${what}`, encoded([...others, [name, value]])]
    yield [`${name} is missing`, encoded(others)]
    yield [`${name} comes twice`, encoded([...fields, [name, MARK], [name, '']])]
    yield [`${name} is a list`, encoded([...others, [`${name}[]`, MARK], [`${name}[0][a]`, MARK]])]
    yield [`${name} has a prototype`, encoded([...fields, [`${name}[__proto__]`, MARK], [`${name}.constructor`, MARK]])]
    yield [`${name} is damaged`, `${encoded(others)}&${name}=%ED%A0%80%FF%C0%80%zz${SIGN}`]
  }
  yield [
    'with fields of every object',
    encoded([...fields, ['__proto__', MARK], ['constructor', MARK], ['toString', MARK]]),
  ]
  yield ['everything is a mark', encoded(fields.map(([name]) => [name, MARK]))]
  yield ['200 fields', encoded(Array.from({ length: 200 }, (_, index) => [`f${index}`, '1'] as const))]
  yield ['a body without end', `${encoded(fields)}&a=${'a'.repeat(1_000_000)}`]
}

/** Sends a form everything. `open` gives somebody who can open its page, and is asked again once they cannot any more. */
async function attack(form: Form, open: () => Promise<Client>): Promise<number> {
  let client = await open()
  let sent = 0
  const tokenOn = async () => /name="_csrf" value="([^"]+)"/.exec((await client.get(form.page)).text)?.[1]
  let token = await tokenOn()
  for (const [what, body] of someOf(bodiesOf(form))) {
    await app.sql`delete from rate_limits`
    const send = () => client.send('POST', form.action, { form: `${body}&_csrf=${encodeURIComponent(token ?? '')}` })
    let answer = await send().catch(asCutOff)
    if (answer?.status === 403) {
      client = await open()
      token = await tokenOn()
      answer = await send().catch(asCutOff)
    }
    sent += 1
    if (answer === undefined) continue
    assertHarmless(answer, what)
    // What was taken must not come back unescaped either.
    if (answer.status === 303 && answer.location.startsWith('/')) {
      assertHarmless(await client.get(new URL(answer.location, app.url).pathname), `after ${what}`)
    }
  }
  return sent
}

/** A body that is far too long is not read to its end: the connection may end first. */
function asCutOff(error: NodeJS.ErrnoException): undefined {
  assert.match(error.code ?? error.message, /ECONNRESET|EPIPE/)
}

const VISITORS = ['/', '/login', '/sign-up', '/password-reset', '/new-device', '/logout']
const LEARNERS = [
  '/dashboard',
  '/account',
  '/onboarding',
  '/profile',
  '/plan',
  '/logout',
  '/email-verification',
  ...VISITORS,
]
const OPENED = ['/password-reset/new', '/email-verification/confirm', '/not-me/confirm', '/deletion-undo']
const tried = new Set<string>()
let forms = 0
let bodies = 0

async function attackAll(found: readonly Form[], open: () => Promise<Client>): Promise<void> {
  for (const form of found) {
    forms += 1
    bodies += await attack(form, open)
    assertNotLogged(app, `${form.action} of ${form.page}`)
    tried.add(shapeOf(form.action))
  }
}

test(`a form for visitors takes whatever is sent to it (seed ${seed})`, async () => {
  const visitor = async () => openClient(app.url)
  const { forms: found } = await explore(await visitor(), VISITORS)
  assert.ok(found.length >= 4, `${found.length} forms`)
  await attackAll(found, visitor)
})

test(`a form for learners takes whatever is sent to it (seed ${seed})`, async () => {
  const { client } = await newLearner()
  const { forms: found } = await explore(client, LEARNERS)
  assert.ok(found.length >= 15, `${found.length} forms`)
  await attackAll(found, async () => (await newLearner()).client)
})

test(`the form behind a link of a letter takes whatever is sent to it (seed ${seed})`, async () => {
  const opened = async (): Promise<{ client: Client; paths: string[] }> => {
    const { client: owner, email } = await newLearner()
    await owner.call('/api/auth/request-password-reset', { email })
    await owner.submit('/new-device', { email })
    const leaving = await newLearner()
    await leaving.client.call('/api/auth/delete-user', { password: PASSWORD })
    const client = openClient(app.url)
    const paths: string[] = []
    for (const { path } of await newLetters(app)) {
      if (path === '') continue
      const { location } = await client.get(path)
      paths.push(location)
    }
    return { client, paths }
  }
  const { client, paths } = await opened()
  const { forms: found } = await explore(client, [...new Set(paths)])
  const behind = found.filter(({ action }) => !tried.has(shapeOf(action)))
  assert.ok(behind.length >= 8, `${behind.length} forms: ${behind.map(({ action }) => action)}`)
  await attackAll(behind, async () => (await opened()).client)
})

test(`a page takes whatever stands in its query and in cookies (seed ${seed})`, async () => {
  const { client } = await newLearner()
  const { pages } = await explore(client, LEARNERS)
  const names = ['next', 'done', 'token', 'callbackURL', 'error', SIGN]
  for (const page of pages) {
    for (const [what, text] of someOf(Object.entries(TEXTS).filter(([, text]) => text.length < 1_000))) {
      const query = encoded(names.flatMap((name) => [[name, text] as const, [`${name}[]`, text] as const]))
      assertHarmless(await client.get(`${page.replace(/\?.*/, '')}?${query}`), `asked with ${what}`)
    }
  }
  const cookies = [MARK, '%00', '%', 's%3A..', 'W10', 'eyJhIjoxfQ', Buffer.from(`["${SIGN}",""]`).toString('base64url')]
  for (const cookie of cookies) {
    const names = ['matricula', 'matricula-device', 'matricula-form', 'matricula-link', 'matricula-sent-to']
    const header = names.map((name) => `${name}=${cookie.replaceAll(';', '')}`).join('; ')
    for (const page of someOf([...pages, ...OPENED])) {
      assertHarmless(await openClient(app.url).get(page, { Cookie: header }), `with the cookie ${cookie}`)
    }
  }
  assertNotLogged(app, 'queries and cookies')
})

after(() => console.log(`${forms} forms, ${bodies} bodies`))

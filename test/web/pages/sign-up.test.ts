/** The sign-up form: what it asks for, how it comes back, and what happens to what people type. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { startApp } from '../../support/app.ts'
import { controlsOf, unwantedWordsOf } from '../../support/gallery.ts'
import { holdInvariants } from '../../support/invariants.ts'
import { learner, openBrowser, PASSWORD, problemsOf, somebody, tokenOf } from '../../support/people.ts'
import { holderOf, sessionCookieOf } from '../../support/sessions.ts'

const app = await startApp()
const visitor = openBrowser(app)
const blank = (await visitor.get('/sign-up')).text
const empty = (await visitor.submit('/sign-up', {})).text

const accountsOf = async (email: string): Promise<number> => {
  const rows = await app.sql`select id from users where email = ${email}`
  return rows.length
}

describe('the form', () => {
  it('[P17] asks for a name, an address and one password, in ways that a password manager knows', () => {
    assert.deepEqual(controlsOf(blank, 'sign-up-form'), [
      {
        id: 'name',
        name: 'name',
        type: 'text',
        autocomplete: 'name',
        value: '',
        'aria-describedby': 'name-hint',
        spellcheck: 'false',
        dir: 'auto',
      },
      {
        id: 'email',
        name: 'email',
        type: 'email',
        autocomplete: 'email',
        value: '',
        inputmode: 'email',
        autocapitalize: 'none',
        spellcheck: 'false',
      },
      {
        id: 'new-password',
        name: 'password',
        type: 'password',
        autocomplete: 'new-password',
        'aria-describedby': 'new-password-hint',
        spellcheck: 'false',
        minlength: '8',
        passwordrules: 'minlength: 8; maxlength: 128; allowed: unicode;',
      },
      { type: 'submit', class: 'button', 'data-busy': 'Creating your account…' },
    ])
  })

  it('is one form that leaves the checking to the server, and has the same names on every load', async () => {
    const form = parse(blank).querySelector('main form')
    assert.equal(parse(blank).querySelectorAll('main form').length, 1)
    assert.equal(form?.getAttribute('id'), 'sign-up-form')
    assert.ok(form?.hasAttribute('novalidate'))
    const again = (await openBrowser(app).get('/sign-up')).text
    assert.deepEqual(controlsOf(again, 'sign-up-form'), controlsOf(blank, 'sign-up-form'))
  })

  it('has a label above each field, and says the rule for passwords before the field', () => {
    const page = parse(blank)
    for (const [id, text] of [
      ['name', 'Name'],
      ['email', 'Email address'],
      ['new-password', 'Password'],
    ]) {
      const label = page.querySelector(`label[for=${id}]`)
      assert.equal(label?.text, text)
      assert.ok((label?.range[0] ?? 0) < (page.querySelector(`#${id}`)?.range[0] ?? 0))
    }
    const hint = page.querySelector('#new-password-hint')
    assert.equal(hint?.text, '8 characters or more. Four random words work well.')
    assert.ok((hint?.range[0] ?? 0) < (page.querySelector('#new-password')?.range[0] ?? 0))
  })

  it('shows terms and privacy before the button, which is ready at once', () => {
    const page = parse(blank)
    const button = page.querySelector('#sign-up-form button[type=submit]')
    assert.equal(button?.text, 'Create account')
    assert.ok(!button?.hasAttribute('disabled') && !button?.hasAttribute('aria-disabled'))
    for (const href of ['/terms', '/privacy']) {
      const link = page.querySelector(`#sign-up-form a[href="${href}"]`)
      assert.ok((link?.range[0] ?? Number.POSITIVE_INFINITY) < (button?.range[0] ?? 0), href)
    }
  })

  it('[P17] blocks neither paste nor autofill, and has no riddle', () => {
    assert.doesNotMatch(blank, /autocomplete="off"|onpaste|oncopy|readonly|captcha|maxlength="/i)
  })

  it('is described by the settings of the server', async () => {
    const strict = await startApp({ PASSWORD_MIN_LENGTH: '15' }, { databaseUrl: app.databaseUrl })
    const page = parse((await openBrowser(strict).get('/sign-up')).text)
    assert.match(page.querySelector('#new-password-hint')?.text ?? '', /^15 characters or more\./)
    assert.equal(page.querySelector('#new-password')?.getAttribute('minlength'), '15')
    const { text } = await openBrowser(strict).submit('/sign-up', { ...somebody('Ada'), password: 'fourteen chars' })
    assert.deepEqual(problemsOf(text), [{ href: '#new-password', message: 'Password must be 15 characters or more' }])
  })
})

describe('the form left empty', () => {
  const page = parse(empty)

  it('names every problem at once, in the order of the fields', () => {
    assert.deepEqual(problemsOf(empty), [
      { href: '#name', message: 'Enter your name' },
      { href: '#email', message: 'Enter your email address' },
      { href: '#new-password', message: 'Enter a password' },
    ])
  })

  it('has the summary first in the page, to be read and focused', () => {
    const summary = page.querySelector('#error-summary')
    assert.equal(summary?.getAttribute('role'), 'group')
    assert.equal(summary?.getAttribute('tabindex'), '-1')
    assert.ok(summary?.hasAttribute('autofocus'))
    assert.equal(summary?.getAttribute('aria-labelledby'), 'error-summary-title')
    assert.equal(summary?.querySelector('[role=alert] h2')?.text, 'There is a problem')
    const [before = '', after = ''] = (page.querySelector('main')?.innerHTML ?? '').split('id="error-summary"')
    assert.equal(parse(`${before}>`).text.replace('>', '').trim(), '')
    assert.match(after, /<h1>/)
  })

  it('says the same at each field, before it, tied to it beside the hint', () => {
    for (const { href, message } of problemsOf(empty)) {
      const input = page.querySelector(href)
      const error = page.querySelector(`${href}-error`)
      assert.equal(error?.text, `Error: ${message}`)
      assert.equal(error?.querySelector('.visually-hidden')?.text, 'Error: ')
      assert.ok((error?.range[0] ?? 0) < (input?.range[0] ?? 0))
      assert.equal(input?.getAttribute('aria-invalid'), 'true')
      const hint = page.querySelector(`${href}-hint`) ? [`${href.slice(1)}-hint`] : []
      assert.equal(input?.getAttribute('aria-describedby'), [...hint, `${href.slice(1)}-error`].join(' '))
    }
  })

  it('says in the title that something is wrong', () => {
    assert.equal(page.querySelector('title')?.text, 'Error: Create your account - Matricula')
    assert.equal(parse(blank).querySelector('title')?.text, 'Create your account - Matricula')
  })

  it('leaves a field that is right alone', async () => {
    const { text } = await visitor.submit('/sign-up', { name: 'Ada', email: '', password: PASSWORD })
    const partly = parse(text)
    assert.deepEqual(problemsOf(text), [{ href: '#email', message: 'Enter your email address' }])
    assert.equal(partly.querySelector('#name')?.getAttribute('aria-invalid'), undefined)
    assert.equal(partly.querySelector('#name')?.getAttribute('aria-describedby'), 'name-hint')
    assert.equal(partly.querySelectorAll('.field-error').length, 1)
  })
})

describe('what comes back', () => {
  it('[P17] is what was typed, right or wrong, and never the password', async () => {
    const typed = { name: ' Ada  Lovelace ', email: ' ada at example', password: 'a secret that is long enough' }
    const response = await visitor.submit('/sign-up', typed)
    const page = parse(response.text)
    assert.equal(response.status, 422)
    assert.equal(page.querySelector('#name')?.getAttribute('value'), typed.name)
    assert.equal(page.querySelector('#email')?.getAttribute('value'), typed.email)
    assert.equal(page.querySelector('#new-password')?.getAttribute('value'), undefined)
    assert.ok(!response.text.includes(typed.password))
  })

  it('[X02] is text, whatever markup was typed', async () => {
    const name = '"><script>alert(1)</script>'
    const { text } = await visitor.submit('/sign-up', { name, email: '" autofocus x="', password: '' })
    assert.doesNotMatch(text, /<script>alert|" autofocus x=/)
    assert.equal(parse(text).querySelector('#name')?.getAttribute('value'), name)
  })
})

const LONG = 'x'.repeat(129)
const MESSAGES: { typed: Record<string, string>; field: string; message: string }[] = [
  { typed: { name: '   ' }, field: 'name', message: 'Enter your name' },
  { typed: { name: '\u200b' }, field: 'name', message: 'Enter your name' },
  { typed: { name: 'n'.repeat(101) }, field: 'name', message: 'Name must be 100 characters or fewer' },
  {
    typed: { name: 'Ada\u0000' },
    field: 'name',
    message: 'Name must be one line of letters, spaces and punctuation',
  },
  { typed: { email: '   ' }, field: 'email', message: 'Enter your email address' },
  ...['ada', 'ada@', '@example.org', 'ada@example', 'a b@example.org', 'ada@exa_mple.org', 'ádà@example.org'].map(
    (email) => ({
      typed: { email },
      field: 'email',
      message: 'Enter an email address in the correct format, like name@example.com',
    }),
  ),
  {
    typed: { email: `ada@${'e'.repeat(250)}.org` },
    field: 'email',
    message: 'Email address must be 254 characters or fewer',
  },
  { typed: { password: '' }, field: 'new-password', message: 'Enter a password' },
  { typed: { password: 'seven77' }, field: 'new-password', message: 'Password must be 8 characters or more' },
  { typed: { password: LONG }, field: 'new-password', message: 'Password must be 128 characters or fewer' },
  { typed: { password: 'Password123' }, field: 'new-password', message: 'Do not use a very common password' },
  { typed: { password: 'abababab' }, field: 'new-password', message: 'Do not use a very common password' },
  { typed: { password: '23456789' }, field: 'new-password', message: 'Do not use a very common password' },
  {
    typed: { name: 'Ada Byron Lovelace', password: 'ada byron lovelace' },
    field: 'new-password',
    message: 'Do not use your name or email address as your password',
  },
]

describe('a message', () => {
  for (const { typed, field, message } of MESSAGES) {
    it(`for ${JSON.stringify(typed).slice(0, 60)} says “${message}”`, async () => {
      const response = await visitor.submit('/sign-up', { ...somebody('Ada'), ...typed })
      assert.equal(response.status, 422)
      assert.deepEqual(problemsOf(response.text), [{ href: `#${field}`, message }])
      assert.equal(parse(response.text).querySelector(`#${field}-error`)?.text, `Error: ${message}`)
      assert.deepEqual(unwantedWordsOf(response.text), [])
    })
  }
})

describe('an odd body', () => {
  const good = new URLSearchParams(somebody('Ada')).toString()
  const BODIES: { name: string; body: string; problems: string[] }[] = [
    { name: 'a field sent twice', body: `${good}&email=other@example.org`, problems: ['#email'] },
    { name: 'every field sent twice', body: `${good}&${good}`, problems: ['#name', '#email', '#new-password'] },
    {
      name: 'nested names',
      body: 'name[a]=1&email[]=2&password[$ne]=3',
      problems: ['#name', '#email', '#new-password'],
    },
    { name: 'names of the language', body: `${good}&email=&__proto__=1&constructor=2`, problems: ['#email'] },
    { name: 'a lone surrogate', body: `${good.replace('name=Ada', 'name=%ED%A0%80')}`, problems: ['#name'] },
    { name: 'damaged percent signs', body: `${good.replace('name=Ada', 'name=%00%zz')}`, problems: ['#name'] },
    { name: 'nothing at all', body: '', problems: ['#name', '#email', '#new-password'] },
  ]

  for (const { name, body, problems } of BODIES) {
    it(`with ${name} gives messages at the fields`, async () => {
      const { status, text } = await visitor.submit('/sign-up', body)
      assert.equal(status, 422)
      assert.deepEqual(
        problemsOf(text).map(({ href }) => href),
        problems,
      )
      assert.deepEqual(unwantedWordsOf(text), [])
    })
  }

  it('with fields that nobody asked for is taken without them', async () => {
    const ada = somebody('Ada')
    const browser = openBrowser(app)
    const { status } = await browser.submit('/sign-up', { ...ada, role: 'admin', emailVerified: 'true', id: 'chosen' })
    assert.equal(status, 303)
    const [row] = await app.sql<{ id: string; emailVerified: boolean }>`
      select id, email_verified from users where email = ${ada.email}`
    assert.notEqual(row?.id, 'chosen')
    assert.equal(row?.emailVerified, false)
  })

  it('of a megabyte is refused and makes no account', async () => {
    const ada = somebody('Ada')
    const { status } = await visitor.submit('/sign-up', { ...ada, name: 'n'.repeat(1_000_000) })
    assert.equal(status, 413)
    assert.equal(await accountsOf(ada.email), 0)
  })
})

describe('a sign-up', () => {
  it('logs in and leads to the first question, which says so and asks for no password', async () => {
    const ada = somebody('Ada')
    const browser = openBrowser(app)
    const { status, headers } = await browser.signUp(ada)
    assert.equal(status, 303)
    assert.equal(headers.location, '/onboarding')
    const onwards = await browser.get('/onboarding')
    assert.deepEqual([onwards.status, onwards.headers.location], [303, '/onboarding/programming'])
    const page = parse((await browser.get('/onboarding/programming')).text)
    assert.equal(page.querySelector('h1')?.text, 'How much programming have you done?')
    assert.equal(page.querySelectorAll('input[type=password]').length, 0)
    assert.match(page.querySelector('.success')?.text ?? '', /Your account is ready and you are logged in\./)
    const dashboard = parse((await browser.get('/dashboard')).text)
    assert.equal(dashboard.querySelector('h1')?.text, 'Hello, Ada')
    assert.equal(dashboard.querySelector('.success'), null)
  })

  it('forgives spaces and capitals around an address', async () => {
    const ada = somebody('Ada')
    await openBrowser(app).signUp({ ...ada, email: `  ${ada.email.toUpperCase()}  ` })
    assert.equal(await accountsOf(ada.email), 1)
    const { status } = await openBrowser(app).logIn({ ...ada, email: ` ${ada.email}` }, { next: '/dashboard' })
    assert.equal(status, 303)
  })

  it('keeps a password to the space', async () => {
    const ada = { ...somebody('Ada'), password: `  ${PASSWORD} ` }
    await openBrowser(app).signUp(ada)
    const trimmed = await openBrowser(app).logIn({ ...ada, password: PASSWORD }, { next: '/dashboard' })
    assert.equal(trimmed.status, 422)
    assert.equal((await openBrowser(app).logIn(ada, { next: '/dashboard' })).status, 303)
  })

  it('takes a name in any script, in one spelling', async () => {
    for (const [typed, kept] of [
      ['  عائشہ   خان ', 'عائشہ خان'],
      ['Zoe\u0308', 'Zo\u00eb'],
      ['李小龍', '李小龍'],
      ['O’Brien-Núñez 🤖', 'O’Brien-Núñez 🤖'],
    ] as const) {
      const browser = openBrowser(app)
      await browser.signUp({ ...somebody('name'), name: typed })
      assert.equal(await browser.whoAmI(), kept)
    }
  })

  it('takes the longest password there may be, and a page says so for one more', async () => {
    const ada = { ...somebody('Ada'), password: [...'correct horse battery '.repeat(6)].slice(0, 128).join('') }
    assert.equal((await openBrowser(app).signUp(ada)).status, 303)
  })
})

describe('the same form sent again', () => {
  it('five times at once makes one account, and each answer leads to it', async () => {
    const ada = somebody('Ada')
    const browser = openBrowser(app)
    const body = { ...ada, _csrf: await browser.token('/sign-up') }
    const answers = await Promise.all(Array.from({ length: 5 }, () => browser.post('/sign-up', body)))
    assert.deepEqual(
      answers.map(({ status, headers }) => `${status} ${headers.location}`),
      Array.from({ length: 5 }, () => '303 /onboarding'),
    )
    assert.equal(await accountsOf(ada.email), 1)
    assert.equal(await browser.whoAmI(), 'Ada')
    // One session, and no place in the status lists that is held for nobody.
    await holdInvariants(app.sql, { mail: false })
  })

  it('after the login says that one is logged in, with the way on', async () => {
    const browser = openBrowser(app)
    const body = { ...somebody('Ada'), _csrf: await browser.token('/sign-up') }
    await browser.post('/sign-up', body)
    const { status, text } = await browser.post('/sign-up', body)
    assert.equal(status, 403)
    assert.match(text, /You have logged in since this page was opened/)
    assert.ok(parse(text).querySelector('main a[href="/dashboard"]'))
  })

  it('after the session was ended opens nothing: the cookie of that session stays worthless', async () => {
    const ada = somebody('Ada')
    for (const end of ['a logout', 'another device', 'another login'] as const) {
      const person = { ...ada, email: end.replace(' ', '-') + ada.email }
      const browser = openBrowser(app)
      const body = { ...person, _csrf: await browser.token('/sign-up') }
      assert.equal((await browser.post('/sign-up', body)).status, 303)
      const copied = sessionCookieOf(browser)
      const formCookie = { Cookie: `matricula-form=${browser.cookie('matricula-form')}` }
      if (end === 'a logout') await browser.logOut()
      if (end === 'another login') await browser.submitTo('/dashboard', '/login', person)
      if (end === 'another device') {
        const other = openBrowser(app)
        await other.logIn(person)
        await other.submitTo('/account/sessions', '/account/sessions/end-others')
      }
      assert.equal(await holderOf(app, copied), undefined, end)
      const { status, text } = await openBrowser(app, formCookie).post('/sign-up', body)
      assert.equal(await holderOf(app, copied), undefined, `${end}, and the form once more`)
      assert.deepEqual(
        [status, problemsOf(text)[0]?.message],
        [422, 'There is already an account with this email address'],
      )
    }
  })

  it('after a restart of the server is taken', async () => {
    const ada = somebody('Ada')
    const before = openBrowser(app)
    const token = tokenOf((await before.get('/sign-up')).text)
    const restarted = await startApp({}, { databaseUrl: app.databaseUrl })
    const after = openBrowser(restarted, { Cookie: `matricula-form=${before.cookie('matricula-form')}` })
    assert.equal((await after.post('/sign-up', { ...ada, _csrf: token })).status, 303)
  })

  it('after another page was opened beside it is taken', async () => {
    const ada = somebody('Ada')
    const browser = openBrowser(app)
    const token = await browser.token('/sign-up')
    await browser.get('/login')
    await browser.get('/sign-up')
    assert.equal((await browser.post('/sign-up', { ...ada, _csrf: token })).status, 303)
  })
})

describe('an address that has an account', () => {
  it('is told plainly, with the ways on, and changes nothing', async () => {
    const { person: ada } = await learner(app, 'Ada')
    const browser = openBrowser(app)
    const { status, text } = await browser.signUp({ ...ada, name: 'Carl', password: 'another good passphrase' })
    const page = parse(text)
    assert.equal(status, 422)
    assert.deepEqual(problemsOf(text), [
      { href: '#email', message: 'There is already an account with this email address' },
    ])
    assert.equal(page.querySelector('#email-error')?.text, 'Error: There is already an account with this email address')
    assert.ok(page.querySelector('.notice a[href="/login"]'))
    assert.ok(page.querySelector('.notice a[href="/password-reset"]'))
    assert.equal(page.querySelector('#name')?.getAttribute('value'), 'Carl')
    assert.equal(await browser.whoAmI(), undefined)
    assert.equal((await openBrowser(app).logIn(ada, { next: '/dashboard' })).status, 303)
  })

  it('is known in any spelling', async () => {
    const { person: ada } = await learner(app, 'Ada')
    const { status } = await openBrowser(app).signUp({ ...ada, email: ` ${ada.email.toUpperCase()} ` })
    assert.equal(status, 422)
    assert.equal(await accountsOf(ada.email), 1)
  })
})

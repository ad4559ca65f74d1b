/** The login form: what it asks for, what it reveals and hides, where it leads, and how long a login lasts. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { BEHIND_TLS, startApp } from '../../support/app.ts'
import { controlsOf, unwantedWordsOf } from '../../support/gallery.ts'
import { learner, openBrowser, type Person, problemsOf, type Response, somebody } from '../../support/people.ts'
import { setCookieOf } from '../../support/sessions.ts'

const app = await startApp()
const visitor = openBrowser(app)
const blank = (await visitor.get('/login')).text
const { person: ada } = await learner(app, 'Ada')

/** Sends what the form holds in a browser, including its hidden field. */
const logIn = (person: Pick<Person, 'email' | 'password'>, more: Record<string, string> = {}): Promise<Response> =>
  openBrowser(app).logIn(person, { next: '/dashboard', ...more })

describe('the form', () => {
  it('asks for an address and a password, in ways that a password manager knows', () => {
    assert.deepEqual(controlsOf(blank, 'login-form'), [
      {
        id: 'email',
        name: 'email',
        type: 'email',
        autocomplete: 'username webauthn',
        value: '',
        inputmode: 'email',
        autocapitalize: 'none',
        spellcheck: 'false',
      },
      {
        id: 'current-password',
        name: 'password',
        type: 'password',
        autocomplete: 'current-password',
        spellcheck: 'false',
      },
      { type: 'checkbox', id: 'remember', name: 'remember', value: 'yes', 'aria-describedby': 'remember-hint' },
      { type: 'submit', class: 'button', 'data-busy': 'Logging in…' },
    ])
  })

  it('shares no password field with sign-up, so that a manager fills the right one', async () => {
    const signUp = parse((await visitor.get('/sign-up')).text)
    assert.equal(signUp.querySelectorAll('input[type=password]').length, 1)
    assert.equal(signUp.querySelectorAll('[autocomplete=new-password]').length, 1)
    assert.equal(parse(blank).querySelectorAll('input[type=password]').length, 1)
    assert.equal(parse(blank).querySelectorAll('[autocomplete=current-password]').length, 1)
    assert.equal(signUp.querySelector('#current-password'), null)
    assert.equal(parse(blank).querySelector('#new-password'), null)
  })

  it('is one form that leaves the checking to the server, and has the same names on every load', async () => {
    const form = parse(blank).querySelector('main form')
    assert.equal(parse(blank).querySelectorAll('main form').length, 1)
    assert.equal(form?.getAttribute('id'), 'login-form')
    assert.ok(form?.hasAttribute('novalidate'))
    const again = (await openBrowser(app).get('/login')).text
    assert.deepEqual(controlsOf(again, 'login-form'), controlsOf(blank, 'login-form'))
  })

  it('labels its fields and says what “keep me logged in” means', () => {
    const page = parse(blank)
    assert.equal(page.querySelector('label[for=email]')?.text, 'Email address')
    assert.equal(page.querySelector('label[for=current-password]')?.text, 'Password')
    assert.equal(page.querySelector('label[for=remember]')?.text, 'Keep me logged in on this device for 30 days')
    assert.match(page.querySelector('#remember-hint')?.text ?? '', /shared computer/)
  })

  it('has its button ready, and the other ways after it', () => {
    const page = parse(blank)
    const button = page.querySelector('#login-form button[type=submit]')
    assert.equal(button?.text, 'Log in')
    assert.ok(!button?.hasAttribute('disabled') && !button?.hasAttribute('aria-disabled'))
    for (const [href, text] of [
      ['/password-reset', 'Forgot your password?'],
      ['/sign-up', 'Create an account'],
    ]) {
      const link = page.querySelector(`main a[href="${href}"]`)
      assert.equal(link?.text, text)
      assert.ok((link?.range[0] ?? 0) > (button?.range[0] ?? Number.POSITIVE_INFINITY))
    }
  })

  it('blocks neither paste nor autofill, and has no riddle', () => {
    assert.doesNotMatch(blank, /autocomplete="off"|onpaste|oncopy|readonly|captcha|maxlength=/i)
  })
})

describe('a form that comes back', () => {
  it('left empty names both problems, tied to their fields', async () => {
    const { status, text } = await logIn({ email: '', password: '' })
    const page = parse(text)
    assert.equal(status, 422)
    assert.deepEqual(problemsOf(text), [
      { href: '#email', message: 'Enter your email address' },
      { href: '#current-password', message: 'Enter your password' },
    ])
    for (const { href, message } of problemsOf(text)) {
      assert.equal(page.querySelector(`${href}-error`)?.text, `Error: ${message}`)
      assert.equal(page.querySelector(href)?.getAttribute('aria-invalid'), 'true')
      assert.equal(page.querySelector(href)?.getAttribute('aria-describedby'), `${href.slice(1)}-error`)
    }
    assert.equal(page.querySelector('title')?.text, 'Error: Log in - Matricula')
  })

  it('keeps the address, the tick and the way on, and never the password', async () => {
    const typed = { email: ' ada at example', password: 'a secret that nobody reads' }
    for (const remember of [undefined, 'yes']) {
      const { text } = await logIn(typed, { next: '/help?x=1', ...(remember ? { remember } : {}) })
      const page = parse(text)
      assert.equal(page.querySelector('#email')?.getAttribute('value'), typed.email)
      assert.equal(page.querySelector('#remember')?.hasAttribute('checked'), remember !== undefined)
      assert.equal(page.querySelector('#next')?.getAttribute('value'), '/help?x=1')
      assert.equal(page.querySelector('#current-password')?.getAttribute('value'), undefined)
      assert.ok(!text.includes(typed.password))
    }
  })

  const ODD: [string, Record<string, string> | string, string[]][] = [
    ['a field sent twice', 'email=a@example.org&email=b@example.org&password=x&next=/', ['#email']],
    ['nested names', 'email[a]=1&password[$gt]=&next=/', ['#email', '#current-password']],
    ['a way on sent twice', `email=&password=x&next=/&next=/help`, ['#email']],
    ['an unknown tick', { email: ada.email, password: 'x', remember: 'perhaps', next: '/' }, ['#remember']],
    ['a password of 129 characters', { email: ada.email, password: 'x'.repeat(129), next: '/' }, ['#current-password']],
  ]
  for (const [name, body, hrefs] of ODD) {
    it(`with ${name} has its messages at the fields`, async () => {
      const { status, text } = await visitor.submit('/login', body)
      assert.equal(status, 422)
      assert.deepEqual(
        problemsOf(text).map(({ href }) => href),
        hrefs,
      )
      for (const { href, message } of problemsOf(text)) {
        assert.equal(parse(text).querySelector(`${href}-error`)?.text, `Error: ${message}`)
      }
      assert.deepEqual(unwantedWordsOf(text), [])
    })
  }

  it('without the hidden field is a login like another', async () => {
    const { status, headers } = await openBrowser(app).logIn(ada)
    assert.equal(status, 303)
    assert.equal(headers.location, '/dashboard')
  })
})

describe('a wrong address or password', () => {
  const withoutTokens = (html: string, email: string) =>
    html.replace(/name="_csrf" value="[^"]*"/g, '').replaceAll(email, 'the address')

  it('is refused in the same words, so that nobody learns which addresses have an account', async () => {
    const unknown = somebody('nobody')
    const known = await logIn({ ...ada, password: 'not the password' })
    const other = await logIn({ ...unknown, password: 'not the password' })
    assert.equal(known.status, 422)
    assert.equal(other.status, 422)
    assert.equal(withoutTokens(known.text, ada.email), withoutTokens(other.text, unknown.email))
    assert.deepEqual(problemsOf(known.text), [{ href: '#email', message: 'Email or password is incorrect' }])
    assert.equal(setCookieOf(known), undefined)
  })

  it('is warned of the pause before it begins, alike for any address, and offered a new password', async () => {
    const { person: ben } = await learner(app, 'Ben')
    for (const email of [ben.email, somebody('nobody').email]) {
      const notices: (string | undefined)[] = []
      for (let tries = 1; tries <= 10; tries += 1) {
        const { status, text } = await logIn({ email, password: 'not the password' })
        assert.equal(status, 422)
        const notice = parse(text).querySelector('.notice')
        notices.push(notice?.text.replace(/\s+/g, ' ').trim().split(/[.:]/)[0])
        if (notice) assert.ok(notice.querySelector('a[href="/password-reset"]'))
      }
      assert.deepEqual(notices, [
        ...Array.from({ length: 6 }, () => undefined),
        'You have 3 tries left',
        'You have 2 tries left',
        'You have 1 try left',
        'That was the last try for now',
      ])

      const paused = await logIn({ email, password: ben.password }, { remember: 'yes' })
      const page = parse(paused.text)
      assert.equal(paused.status, 429)
      assert.deepEqual(problemsOf(paused.text), [
        { href: '#email', message: 'Too many tries. Try again in 15 minutes' },
      ])
      assert.equal(page.querySelector('#email')?.getAttribute('value'), email)
      assert.ok(page.querySelector('#remember')?.hasAttribute('checked'))
      assert.ok(page.querySelector('main a[href="/password-reset"]'))
      const seconds = Number(paused.headers['retry-after'])
      assert.ok(seconds > 0 && seconds <= 15 * 60)
    }
  })

  it('pauses one address and no other', async () => {
    const { person: ben } = await learner(app, 'Ben')
    for (let tries = 0; tries <= 10; tries += 1) await app.deps.rateLimits.count('loginByAddress', ben.email)
    assert.equal((await logIn(ben)).status, 429)
    assert.equal((await logIn(ada)).status, 303)
  })
})

describe('a login', () => {
  it('leads to a page that asks for no password', async () => {
    const browser = openBrowser(app)
    await browser.logIn(ada, { next: '/dashboard' })
    const page = parse((await browser.get('/dashboard')).text)
    assert.equal(page.querySelectorAll('input[type=password]').length, 0)
    assert.equal(page.querySelector('h1')?.text, 'Hello, Ada')
  })

  it('in another tab is explained in this one, and the same form is taken again after a logout', async () => {
    const browser = openBrowser(app)
    const body = { ...ada, next: '/dashboard', _csrf: await browser.token('/login') }
    assert.equal((await browser.post('/login', body)).status, 303)
    const stale = await browser.post('/login', body)
    assert.equal(stale.status, 403)
    assert.match(stale.text, /You have logged in since/)
    await browser.logOut()
    assert.equal((await browser.post('/login', body)).status, 303)
  })
})

describe('“keep me logged in”', () => {
  it('left empty gives a cookie that ends with the browser', async () => {
    const cookie = setCookieOf(await logIn(ada)) ?? ''
    assert.match(cookie, /^matricula=[^;]+; Path=\/; HttpOnly; SameSite=Lax$/)
  })

  it('ticked gives a cookie of thirty days', async () => {
    const cookie = setCookieOf(await logIn(ada, { remember: 'yes' })) ?? ''
    assert.match(cookie, /; Max-Age=2592000(;|$)/)
    assert.match(cookie, /; HttpOnly/)
    assert.match(cookie, /; SameSite=Lax/)
    const expires = Date.parse(/Expires=([^;]+)/.exec(cookie)?.[1] ?? '')
    assert.ok(Math.abs(expires - Date.now() - 2_592_000_000) < 60_000)
  })

  it('behind TLS gives a cookie that is sent over TLS only and to this host only', async () => {
    const tls = await startApp(BEHIND_TLS, { databaseUrl: app.databaseUrl })
    const headers = { 'X-Forwarded-Proto': 'https', Origin: BEHIND_TLS.PUBLIC_URL }
    const form = await openBrowser(tls, headers).get('/login')
    const formCookie = [form.headers['set-cookie'] ?? []]
      .flat()
      .find((cookie) => /^__Host-matricula-form=/.test(cookie))
    const [pair = ''] = (formCookie ?? '').split(';')
    const token = parse(form.text).querySelector('input[name=_csrf]')?.getAttribute('value') ?? ''
    for (const [remember, lifetime] of [
      ['', /^(?!.*(Max-Age|Expires))/],
      ['yes', /Max-Age=2592000/],
    ] as const) {
      const browser = openBrowser(tls, { ...headers, Cookie: pair })
      const response = await browser.post('/login', { ...ada, next: '/', remember, _csrf: token })
      assert.equal(response.status, 303)
      const cookie = setCookieOf(response, '__Host-matricula') ?? ''
      assert.match(cookie, /; Path=\/(;|$)/)
      assert.match(cookie, /; HttpOnly(;|$)/)
      assert.match(cookie, /; Secure(;|$)/)
      assert.match(cookie, /; SameSite=Lax(;|$)/)
      assert.doesNotMatch(cookie, /Domain=/i)
      assert.match(cookie, lifetime)
    }
  })

  it('is named beside the devices', async () => {
    for (const [remember, says] of [
      ['', /until you close your browser/],
      ['yes', /up to 30 days/],
    ] as const) {
      const browser = openBrowser(app)
      await browser.logIn(ada, { next: '/dashboard', remember })
      assert.match((await browser.get('/account/sessions')).text, says)
    }
  })
})

describe('the way on after a login', () => {
  const OWN = ['/help', '/dashboard?week=2', '/dashboard#course', '/privacy?a=b%20c&d=%C3%A4']
  for (const next of OWN) {
    it(`${next} is kept from the address to the form to the answer`, async () => {
      const browser = openBrowser(app)
      const page = parse((await browser.get(`/login?next=${encodeURIComponent(next)}`)).text)
      const field = page.querySelector('#next')?.getAttribute('value') ?? ''
      assert.equal(field, next)
      const { status, headers } = await browser.logIn(ada, { next: field })
      assert.equal(status, 303)
      assert.equal(headers.location, next)
    })
  }

  it('[H05] outlives a wrong password', async () => {
    const browser = openBrowser(app)
    const failed = await browser.logIn({ ...ada, password: 'not the password' }, { next: '/help' })
    const next = parse(failed.text).querySelector('#next')?.getAttribute('value') ?? ''
    assert.equal((await browser.logIn(ada, { next })).headers.location, '/help')
  })

  const HOSTILE = [
    '//evil.example',
    '///evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '/\t/evil.example',
    '/\n/evil.example',
    '\u0000/evil.example',
    ' //evil.example',
    'https://evil.example/dashboard',
    'HTTPS:evil.example',
    'javascript:alert(1)',
    'data:text/html,x',
    '/.//evil.example',
    '/x/..//evil.example',
    '/%2f%2fevil.example',
    '/%5cevil.example',
    '/%09/evil.example',
    '@evil.example',
    'dashboard',
    '',
    '/login?next=/login',
    '/logout',
    '/sign-up',
    `/${'a'.repeat(2_000)}`,
  ]
  for (const next of HOSTILE) {
    it(`${JSON.stringify(next).slice(0, 40)} is the dashboard instead`, async () => {
      const browser = openBrowser(app)
      const page = parse((await browser.get(`/login?next=${encodeURIComponent(next)}`)).text)
      assert.equal(page.querySelector('#next')?.getAttribute('value'), '/dashboard')
      assert.equal((await browser.logIn(ada, { next })).headers.location, '/dashboard')
    })
  }

  it('given twice is the dashboard', async () => {
    const page = parse((await openBrowser(app).get('/login?next=/help&next=//evil.example')).text)
    assert.equal(page.querySelector('#next')?.getAttribute('value'), '/dashboard')
  })
})

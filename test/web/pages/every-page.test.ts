/** What holds on every page in every state, for visitors and learners, as far as HTTP and HTML show it. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { HTMLElement } from 'node-html-parser'
import { ROOT } from '../../../src/config/folders.ts'
import { startApp } from '../../support/app.ts'
import { PASSKEYS } from '../../support/authenticator.ts'
import {
  collectGallery,
  type Exhibit,
  PAGES_OF_LEARNERS,
  PAGES_OF_VISITORS,
  unwantedWordsOf,
} from '../../support/gallery.ts'
import { CHECK, passAll, STEPS } from '../../support/learning.ts'
import { learner, openBrowser, problemsOf, somebody } from '../../support/people.ts'

const app = await startApp()
const gallery = await collectGallery(app)

const exhibit = (name: string): Exhibit => {
  const found = gallery.find((each) => each.name === name)
  assert.ok(found, `there is no state “${name}”`)
  return found
}

const attributesOf = (page: HTMLElement, name: string): string[] =>
  page.querySelectorAll(`[${name}]`).map((element) => element.getAttribute(name) ?? '')

/** The page of one passkey, which only its owner can open. */
const ofOnePasskey = (path: string): boolean => path.startsWith(`${PASSKEYS}/`)

const linksOf = (page: HTMLElement): string[] => page.querySelectorAll('a').map((a) => a.getAttribute('href') ?? '')

describe('the states that are looked at', () => {
  const STATUSES: Record<string, number> = {
    'page not found for a visitor': 404,
    'page not found for a learner': 404,
    'sign-up left empty': 422,
    'sign-up with everything wrong': 422,
    'sign-up with an address that is taken': 422,
    'sign-up, address perhaps mistyped': 422,
    'sign-up paused': 429,
    'login left empty': 422,
    'login with everything wrong': 422,
    'login, 9 tries left': 422,
    'login, 3 tries left': 422,
    'login, 1 tries left': 422,
    'login, 0 tries left': 422,
    'login paused': 429,
    'login paused, with a way in': 429,
    'login after a hundred wrong passwords': 429,
    'new device, link used': 410,
    'it was not me, pressed': 410,
    'account suspended': 403,
    'form without a token': 403,
    'form of another site': 403,
    'form after the session ended': 403,
    'form from before the login': 403,
    'method not allowed': 405,
    'too much at once': 413,
    'another format': 415,
    'plain form behind TLS': 400,
    'service out of reach': 503,
    ...Object.fromEntries(
      [
        'login',
        'login code',
        'sign-up',
        'question',
        'profile',
        'mark of a lesson',
        'hours',
        'code at login',
        'recovery code at login',
        'second step, asked once more,',
      ].map((name) => [`${name} out of reach`, 503]),
    ),
    'logout not finished': 503,
    'fault of ours': 500,
    ...Object.fromEntries(STEPS.map((step) => [`question of ${step} left empty`, 422])),
    'question of languages with none and another': 422,
    'question of equipment with none and another': 422,
    'question of focus with an option that is not there': 422,
    'question of goals with too much text': 422,
    'answers changed in another tab': 422,
    'profile with everything wrong': 422,
    'lesson that is not there': 404,
    'lesson marked with what is no mark': 422,
    'part with nothing ticked': 422,
    ...Object.fromEntries(
      [
        'account without a name',
        'second step, set up without a code',
        'second step, set up with a wrong code',
        'second step, asked once more, wrong',
        'code at login, left empty',
        'recovery code at login, wrong',
        'code at login, used before',
        'new address, left empty',
        'new address that is the old one',
        'new address, perhaps mistyped',
        'password, new one too short',
        'password, current one wrong',
        'confirm, wrong',
        'new device, left empty',
        'delete, left empty',
        'reset, left empty',
        'new password too short',
        'verification, left empty',
        'confirm, wrong password',
        'make an account yours, password too short',
      ].map((name) => [name, 422]),
    ),
    ...Object.fromEntries(
      [
        'login',
        'sign-up',
        'reset',
        'password change',
        'password confirmation',
        'account deletion',
        'confirming',
        'taking over',
      ].map((name) => [`${name} while many log in`, 503]),
    ),
    ...Object.fromEntries(
      ['left empty', 'entered nothing', '4 tries left'].map((name) => [`login code, ${name}`, 422]),
    ),
    ...Object.fromEntries(
      ['wrong too often', 'expired', 'link expired', 'used'].map((name) => [`login code, ${name}`, 410]),
    ),
    'login, a form waits': 403,
    'login code, link in another browser': 403,
    'login code, link unknown': 404,
    'login code, account suspended': 403,
    'login code, network paused': 429,
    'login code, asked too often': 429,
    ...Object.fromEntries(
      [
        'passkeys, added nothing',
        'passkeys, one refused',
        'passkey, without a name',
        'passkey, the only way in',
        'login by a passkey that was removed',
        'login by a passkey, refused',
      ].map((name) => [name, 422]),
    ),
    'passkey that is not there': 404,
    'passkeys, added too often': 429,
    'login by a passkey, paused': 429,
    'login by a passkey, suspended': 403,
    'code at login, paused': 429,
    'second step, set up too often': 429,
    'logged out for guessing codes': 429,
    'device that is not there': 404,
    'no link open': 404,
    'link that has been replaced': 410,
    'link that has expired': 410,
    'link that has been used': 410,
    'verification link that has been replaced': 410,
    'no deletion to undo': 404,
    'deletion that is over': 410,
    'deletion that was undone': 410,
    'logged out for guessing': 429,
  }

  it('have the statuses they stand for', () => {
    const statuses = Object.fromEntries(gallery.map(({ name, status }) => [name, status]))
    assert.deepEqual(statuses, { ...Object.fromEntries(gallery.map(({ name }) => [name, 200])), ...STATUSES })
  })
})

for (const { name, viewer, path, page, html, headers } of gallery) {
  describe(name, () => {
    it('is a page of HTML that no cache keeps', () => {
      assert.match(headers['content-type'] ?? '', /^text\/html; charset=utf-8$/)
      assert.equal(headers['cache-control'], 'no-store')
      assert.match(headers.vary ?? '', /\bCookie\b/)
      assert.match(html, /^<!doctype html>\n<html /)
    })

    it('says its language, its direction and its name', () => {
      const root = page.querySelector('html')
      assert.equal(root?.getAttribute('lang'), 'en')
      assert.equal(root?.getAttribute('dir'), 'ltr')
      assert.equal(page.querySelectorAll('title').length, 1)
      assert.match(page.querySelector('title')?.text ?? '', /^(Error: )?\S.* - Matricula$/)
    })

    it('can be zoomed', () => {
      const viewport = page.querySelector('meta[name=viewport]')?.getAttribute('content')
      assert.equal(viewport, 'width=device-width, initial-scale=1')
    })

    it('has one heading, and the landmarks in their order', () => {
      assert.equal(page.querySelectorAll('h1').length, 1)
      assert.equal(page.querySelectorAll('main h1').length, 1)
      assert.equal(page.querySelectorAll('main').length, 1)
      const isBehindAnother =
        /^\/(onboarding|profile|lessons|account|plan)/.test(path) &&
        (page.querySelector('main form') !== null ||
          path.startsWith('/plan') ||
          ['/account/second-step', PASSKEYS].includes(path))
      const parts = page.querySelector('body')?.childNodes.filter((node) => node.nodeType === 1) as HTMLElement[]
      assert.deepEqual(
        parts.map(({ rawTagName }) => rawTagName),
        ['a', 'header', ...(isBehindAnother ? ['nav'] : []), 'main', 'footer'],
      )
      assert.equal(parts[0]?.getAttribute('href'), '#main')
      assert.equal(page.querySelector('main')?.getAttribute('id'), 'main')
      assert.equal(page.querySelector('main')?.getAttribute('tabindex'), '-1')
      const navigations = page.querySelectorAll('nav').map((nav) => nav.getAttribute('aria-label'))
      assert.deepEqual(navigations, [
        ...(viewer === 'learner' ? ['Your pages'] : []),
        ...(isBehindAnother ? ['Back'] : []),
        'About this site',
      ])
    })

    it('goes down the headings without a jump', () => {
      const levels = page.querySelectorAll('main h1, main h2, main h3').map(({ rawTagName }) => Number(rawTagName[1]))
      const afterTitle = levels.slice(levels.indexOf(1))
      for (const [index, level] of afterTitle.entries()) assert.ok(level <= (afterTitle[index - 1] ?? 0) + 1)
    })

    it('holds no script and no style of its own', () => {
      assert.equal(page.querySelectorAll('style, [style]').length, 0)
      const scripts = page.querySelectorAll('script')
      const title = page.querySelector('title')?.text ?? ''
      const asksForPasskeys =
        ['/login', PASSKEYS].includes(path.replace(/\?.*/, '')) && /^(Error: )?(Log in|Passkeys) - /.test(title)
      assert.deepEqual(
        scripts.map((script) => /^\/assets\/(\w+)\.[\w-]+\.js$/.exec(script.getAttribute('src') ?? '')?.[1]),
        asksForPasskeys ? ['forms', 'passkeys'] : ['forms'],
      )
      for (const script of scripts) assert.deepEqual([script.getAttribute('type'), script.text], ['module', ''])
      const handlers = page.querySelectorAll('*').flatMap((element) => {
        return Object.keys(element.attributes).filter((attribute) => /^on/i.test(attribute))
      })
      assert.deepEqual(handlers, [])
    })

    it('leads nowhere by script or to nothing', () => {
      const addresses = ['href', 'src', 'action', 'formaction'].flatMap((attribute) => attributesOf(page, attribute))
      assert.deepEqual(
        addresses.filter((address) => address === '' || address === '#' || /^\s*(javascript|data):/i.test(address)),
        [],
      )
    })

    it('names no other site', () => {
      const names = ['href', 'src', 'srcset', 'action', 'formaction', 'poster', 'ping', 'target']
      const addresses = names.flatMap((attribute) => attributesOf(page, attribute))
      assert.deepEqual(
        addresses.filter((address) => !/^(\/(?!\/)|#|mailto:|otpauth:)/.test(address)),
        [],
      )
      assert.equal(page.querySelectorAll('iframe, object, embed, base').length, 0)
    })

    it('has no placeholder, no forced tab order, and one focus of its own at most', () => {
      assert.deepEqual(attributesOf(page, 'placeholder'), [])
      // Hidden ones are allowed: they tell a password manager whose password it is.
      assert.equal(page.querySelectorAll('[readonly]:not([hidden])').length, 0)
      assert.deepEqual(
        attributesOf(page, 'tabindex').filter((value) => value !== '-1'),
        [],
      )
      const focused = page.querySelectorAll('[autofocus]').map((element) => element.getAttribute('id'))
      assert.deepEqual(focused, page.querySelector('#error-summary') ? ['error-summary'] : [])
    })

    it('names nothing twice and refers to nothing that is missing', () => {
      const ids = attributesOf(page, 'id')
      assert.deepEqual(ids, [...new Set(ids)])
      const references = ['for', 'aria-describedby', 'aria-labelledby', 'aria-controls'].flatMap((attribute) =>
        attributesOf(page, attribute).flatMap((value) => value.split(' ')),
      )
      const anchors = linksOf(page).filter((href) => href.startsWith('#'))
      for (const id of [...references, ...anchors.map((href) => href.slice(1))]) assert.ok(ids.includes(id), id)
    })

    it('asks for one thing first', () => {
      const buttons = page.querySelectorAll('main .button:not(.button-quiet)').map(({ text }) => text)
      assert.ok(buttons.length <= 1, buttons.join(', '))
    })

    it('holds no button that only a script can work', () => {
      const buttons = page.querySelectorAll('button')
      for (const button of buttons) {
        assert.equal(button.getAttribute('type'), 'submit')
        const form = button.getAttribute('form')
        assert.ok(form === undefined ? button.closest('form') : page.querySelector(`form[id="${form}"]`), button.text)
      }
    })

    it('changes something only by a form that is posted with a token', () => {
      for (const form of page.querySelectorAll('form')) {
        assert.equal(form.getAttribute('method'), 'post')
        assert.match(form.getAttribute('action') ?? '', /^(\/[a-zA-Z0-9-]+)+$/)
        assert.ok(form.getAttribute('id'))
        assert.match(form.querySelector('input[name=_csrf]')?.getAttribute('value') ?? '', /^[\w-]{43}(\.[\w-]{22})?$/)
      }
    })

    it('uses plain words', () => {
      // Text in <code> is left out: it holds names that programs compare, in the words of the API contract.
      assert.deepEqual(unwantedWordsOf(html.replace(/<code>[^<]*<\/code>/g, '')), [])
      assert.doesNotMatch(page.querySelector('label, legend')?.text ?? '', /\*/)
    })

    it('has help at the same place', () => {
      const footer = page.querySelector('footer')
      assert.equal(footer?.outerHTML, exhibit('/ for a visitor').page.querySelector('footer')?.outerHTML)
      assert.equal(footer?.querySelector('a')?.getAttribute('href'), '/help')
      assert.equal(footer?.querySelector('a')?.text, 'Help')
    })

    it('gives times in full', () => {
      for (const time of page.querySelectorAll('time')) {
        assert.match(time.getAttribute('datetime') ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
        assert.match(time.text, /^(\d{4}-\d\d-\d\d|\d{1,2} [A-Z][a-z]+ \d{4}(?=$|,))(, \d\d:\d\d)?( \(UTC\))?$/)
      }
    })
  })
}

describe('titles', () => {
  it('differ from page to page', () => {
    const pages = gallery.filter(({ status, name }) => status === 200 && / for a /.test(name))
    const titles = new Map(
      pages.map(({ path, viewer, page }) => [`${path} ${viewer}`, page.querySelector('title')?.text]),
    )
    // Pages that both may open, such as the home page, are the same for both. Only logout differs for a learner.
    const byPath = new Map(
      [...titles].map(([key, title]) => [key.startsWith('/logout') ? key : key.split(' ')[0], title]),
    )
    assert.equal(new Set(byPath.values()).size, byPath.size)
    const ofBoth = PAGES_OF_LEARNERS.filter((path) => PAGES_OF_VISITORS.includes(path))
    // Logout counts twice.
    assert.equal(byPath.size, PAGES_OF_VISITORS.length + PAGES_OF_LEARNERS.length - ofBoth.length + 1)
  })

  it('begin with “Error: ” exactly where there is a problem, and not where there is only a question', () => {
    for (const { name, page } of gallery) {
      const isError = page.querySelector('title')?.text.startsWith('Error: ')
      assert.equal(isError, page.querySelector('#error-summary-title')?.text === 'There is a problem', name)
    }
  })

  it('of an error page are its heading', () => {
    for (const { name, page } of gallery.filter(
      ({ status, page }) => status >= 400 && !page.querySelector('main form'),
    )) {
      assert.equal(page.querySelector('title')?.text, `${page.querySelector('h1')?.text} - Matricula`, name)
    }
  })
})

/** Pages that only a mailed link opens. */
/** Whoever has done the first step sees these pages, or has begun to set the second one up. */
const OF_SECOND_STEP = ['/login/second-step', '/account/second-step/setup', '/account/second-step/confirmation']

/** Opens once a code was asked for. */
const OF_LOGIN_CODE = ['/login/code/enter']

const OPENED_BY_MAIL = [
  '/password-reset/new',
  '/email-verification/confirm',
  '/email-verification/new-password',
  '/not-me/confirm',
]

describe('links', () => {
  it('lead to a page that is there, for a visitor and for a learner', async () => {
    const visitor = openBrowser(app)
    const { browser: ada } = await learner(app, 'Ada')
    const hrefs = new Set(
      gallery
        .flatMap(({ page }) => linksOf(page))
        // The address of a calendar is good until it is renewed, which a later page does; that of a passkey for its owner.
        .filter(
          (href) =>
            href.startsWith('/') && !href.endsWith('.ics') && !OPENED_BY_MAIL.includes(href) && !ofOnePasskey(href),
        ),
    )
    assert.ok(hrefs.size >= PAGES_OF_VISITORS.length)
    for (const browser of [visitor, ada]) {
      for (const href of hrefs) {
        const { status } = await browser.get(href)
        assert.ok(status === 200 || status === 303, `${href} answers ${status}`)
      }
    }
  })

  it('of every page lead home and to help', () => {
    for (const { name, page } of gallery) {
      assert.ok(linksOf(page).includes('/'), name)
      assert.ok(linksOf(page).includes('/help'), name)
    }
  })

  it('on help, privacy and accessibility need no login', async () => {
    for (const path of PAGES_OF_VISITORS) assert.equal((await openBrowser(app).get(path)).status, 200, path)
  })
})

describe('a form that was filled in well', () => {
  it('answers 303 with a path of this site', async () => {
    const ada = somebody('Ada')
    const browser = openBrowser(app)
    const answers = [await browser.signUp(ada), await browser.logOut(), await browser.logIn(ada)]
    assert.deepEqual(
      answers.map(({ status, headers }) => [status, headers.location]),
      [
        [303, '/onboarding'],
        [303, '/logout'],
        [303, '/dashboard'],
      ],
    )
  })
})

describe('a form that comes back', async () => {
  const visitor = openBrowser(app)
  const { browser: ada } = await learner(app, 'Ada')
  await passAll(ada)

  // Only a mailed link or a first step opens these pages, so they cannot be opened again here.
  const isOpen = ({ path }: Exhibit) =>
    !ofOnePasskey(path) && ![...OPENED_BY_MAIL, ...OF_SECOND_STEP, ...OF_LOGIN_CODE].includes(path)
  const formsBack = gallery.filter(({ page }) => page.querySelector('#error-summary'))
  for (const { name, viewer, path, page, status } of formsBack.filter(isOpen)) {
    it(`${name}: stands at its own address, which opens fresh`, async () => {
      assert.ok([422, 429, 503].includes(status), String(status))
      assert.equal(page.querySelector('main form')?.getAttribute('action'), path)
      const fresh = await (viewer === 'learner' ? ada : visitor).get(path)
      assert.equal(fresh.status, 200)
      assert.deepEqual(problemsOf(fresh.text), [])
    })
  }
})

describe('a form that is not taken', () => {
  const mainText = (name: string) => exhibit(name).page.querySelector('main')?.text.replace(/\s+/g, ' ').trim() ?? ''
  const REFUSALS = [
    { name: 'form without a token', says: /out of date.*open for too long/, leadsTo: '/login' },
    { name: 'form after the session ended', says: /session ended.*logged out since/, leadsTo: '/login' },
    { name: 'form from before the login', says: /out of date.*logged in since/, leadsTo: '/dashboard' },
    { name: 'form of another site', says: /not sent from Matricula/, leadsTo: '/' },
  ]

  for (const { name, says, leadsTo } of REFUSALS) {
    it(`${name}: says why, that nothing was changed, and where to go`, () => {
      assert.match(mainText(name), says)
      assert.match(mainText(name), /[Nn]othing was changed/)
      assert.ok(linksOf(exhibit(name).page).includes(leadsTo))
    })
  }

  it('says so in different words for each reason', () => {
    assert.equal(new Set(REFUSALS.map(({ name }) => mainText(name))).size, REFUSALS.length)
  })

  it('shows nothing of the machinery', () => {
    for (const { html, status } of gallery.filter(({ status }) => status >= 400)) {
      assert.doesNotMatch(html, /csrf token|stack|node_modules|\bat \S+ \(|\.ts:\d|undefined|\[object/i, String(status))
    }
    assert.doesNotMatch(exhibit('fault of ours').html, /a detail of the store/)
  })
})

describe('pages of learners', () => {
  it('send a visitor to the login page, and name the way back', async () => {
    const visitor = openBrowser(app)
    for (const path of [
      '/dashboard',
      '/dashboard?week=2',
      '/onboarding',
      CHECK,
      '/profile',
      '/lessons/f1',
      '/plan',
      '/plan/skip/ros2',
    ]) {
      const { status, headers } = await visitor.get(path)
      assert.equal(status, 303)
      assert.equal(headers.location, `/login?next=${encodeURIComponent(path)}`)
    }
  })

  it('send a visitor who posts to the login page', async () => {
    const { status, headers } = await openBrowser(app).submitTo('/login', '/dashboard')
    assert.equal(status, 303)
    assert.match(headers.location ?? '', /^\/login(\?next=%2Fdashboard)?$/)
  })
})

describe('login and sign-up', () => {
  for (const path of ['/login', '/sign-up', '/login?next=/help']) {
    it(`${path} leads a learner to the dashboard`, async () => {
      const { browser } = await learner(app, 'Ada')
      const { status, headers } = await browser.get(path)
      assert.equal(status, 303)
      assert.equal(headers.location, '/dashboard')
    })
  }
})

describe('errors', () => {
  it('are pages of HTML whatever is asked for', async () => {
    for (const accept of ['application/json', 'text/plain', 'image/png', '*/*']) {
      for (const path of ['/nowhere', '/login']) {
        const browser = openBrowser(app, { Accept: accept })
        const { headers } = path === '/login' ? await browser.post(path) : await browser.get(path)
        assert.match(headers['content-type'] ?? '', /^text\/html/)
      }
    }
  })

  it('405 names the methods that there are', () => {
    assert.equal(exhibit('method not allowed').headers.allow, 'GET, HEAD')
  })

  it('405 answers OPTIONS in the same way', async () => {
    const { status, headers } = await openBrowser(app)
      .agent.options('/login')
      .ok(() => true)
    assert.equal(status, 405)
    assert.equal(headers.allow, 'GET, POST, HEAD')
  })

  for (const name of ['service out of reach', 'logout not finished', 'fault of ours']) {
    it(`${name}: shows the reference that is in the header and in no other answer`, () => {
      const { page, headers } = exhibit(name)
      assert.match(headers['x-request-id'] ?? '', /^[\w-]{36}$/)
      assert.equal(page.querySelector('main code')?.text, headers['x-request-id'])
    })
  }

  it('503 say when to come back', () => {
    for (const name of ['service out of reach', 'logout not finished']) {
      assert.match(exhibit(name).headers['retry-after'] ?? '', /^[1-9]\d*$/)
    }
  })

  it('500 and 503 say whether answers were saved', () => {
    for (const name of ['service out of reach', 'fault of ours']) {
      assert.match(exhibit(name).page.querySelector('main')?.text ?? '', /your answers may not be saved/)
    }
  })
})

describe('a pause after too many tries', () => {
  for (const name of ['login paused', 'sign-up paused']) {
    it(`${name}: says how long in words and in the header, and keeps the address`, () => {
      const { page, headers, html } = exhibit(name)
      const seconds = Number(headers['retry-after'])
      assert.ok(Number.isInteger(seconds) && seconds > 0)
      assert.match(problemsOf(html)[0]?.message ?? '', /^Too many tries\. Try again in (an hour|a minute|\d+ minutes)$/)
      assert.match(page.querySelector('#email')?.getAttribute('value') ?? '', /@example\.org$/)
      for (const input of page.querySelectorAll('input[type=password]'))
        assert.equal(input.getAttribute('value'), undefined)
    })
  }

  it('of the login shows the way to a new password', () => {
    assert.ok(linksOf(exhibit('login paused').page).includes('/password-reset'))
  })
})

describe('a success message', () => {
  it('stands before the heading, once, and is gone on the next page', () => {
    const { page } = exhibit('first question after sign-up')
    const banners = page.querySelectorAll('main .success')
    assert.equal(banners.length, 1)
    assert.equal(banners[0]?.getAttribute('role'), 'status')
    assert.equal(banners[0]?.text.trim(), 'Your account is ready and you are logged in.')
    assert.ok((banners[0]?.range[0] ?? 0) < (page.querySelector('h1')?.range[0] ?? 0))
    assert.equal(exhibit('/onboarding/programming for a learner').page.querySelector('.success'), null)
  })

  it('never stands beside an error summary', () => {
    for (const { name, page } of gallery) {
      assert.ok(!(page.querySelector('.success') && page.querySelector('#error-summary')), name)
    }
  })
})

describe('names', () => {
  it('are set in the direction of their script', () => {
    const { page } = exhibit('/dashboard for a learner')
    assert.equal(page.querySelector('.site-nav-name')?.getAttribute('dir'), 'auto')
    assert.equal(page.querySelector('h1 bdi')?.text, 'Ada')
    assert.equal(exhibit('/sign-up for a visitor').page.querySelector('#name')?.getAttribute('dir'), 'auto')
  })

  it('[X01] that hold markup are shown as typed', async () => {
    const name = '"><script>alert(1)</script>&amp;'
    const browser = openBrowser(app)
    await browser.signUp({ ...somebody('eve'), name })
    const { text } = await browser.get('/dashboard')
    assert.doesNotMatch(text, /<script>alert/)
    assert.match(text, /&lt;script&gt;alert\(1\)&lt;\/script&gt;&amp;amp;/)
  })
})

describe('the files of the pages', () => {
  const paths = [...exhibit('/ for a visitor').html.matchAll(/(?:href|src)="(\/(?:assets\/|favicon)[^"]+)"/g)]
    .map(([, path]) => path ?? '')
    .sort()

  it('are kept for good under names that change with their content', async () => {
    assert.equal(paths.length, 4)
    for (const path of paths.filter((each) => each.startsWith('/assets/'))) {
      const { status, headers } = await openBrowser(app).get(path)
      assert.equal(status, 200)
      assert.equal(headers['cache-control'], 'public, max-age=31536000, immutable')
      assert.equal(headers['set-cookie'], undefined)
    }
  })

  it('are not to be had under a name that does not change', async () => {
    for (const path of ['/style.css', '/forms.js', '/assets/style.css', '/assets/forms.js', '/assets/style.0.css']) {
      assert.equal((await openBrowser(app).get(path)).status, 404, path)
    }
  })

  it('say the same for a learner: none of them is personal', async () => {
    const { browser } = await learner(app, 'Ada')
    for (const path of paths) {
      const { text, headers } = await browser.get(path)
      assert.equal(text, (await openBrowser(app).get(path)).text)
      assert.equal(headers['set-cookie'], undefined)
    }
  })
})

describe('the stylesheet', () => {
  const css = readFileSync(join(ROOT, 'public/style.css'), 'utf8').replace(/\/\*.*?\*\//gs, '')
  const declarations = [...css.replace(/@media[^{]+\{/g, '').matchAll(/([\w-]+)\s*:\s*([^;{}]+)(?=[;}])/g)].map(
    ([, property = '', value = '']) => ({ property, value: value.trim() }),
  )

  it('is read as a whole by this test', () => {
    assert.ok(declarations.length > 100)
    assert.ok(declarations.some(({ property }) => property === 'margin-inline'))
  })

  it('uses logical properties only, so that it turns with the direction of the text', () => {
    const sides = /(^|-)(left|right|top|bottom)(-|$)|^((min|max)-)?(width|height)$/
    assert.deepEqual(
      declarations.filter(({ property }) => sides.test(property)),
      [],
    )
    assert.deepEqual(
      declarations.filter(
        ({ property, value }) => /^(text-align|float|clear)$/.test(property) && /left|right/.test(value),
      ),
      [],
    )
    const shorthands = /^(margin|padding|inset|border-width|border-color|border-style)$/
    const fourSided = declarations.filter(({ property, value }) => {
      const [, end, , start] = value.split(/\s+(?![^(]*\))/)
      return shorthands.test(property) && start !== undefined && start !== end
    })
    assert.deepEqual(fourSided, [])
  })

  it('takes nothing from elsewhere', () => {
    assert.doesNotMatch(css, /@import|@font-face|url\(|https?:/)
  })

  it('sizes text by the size that the reader has set', () => {
    const fixed = declarations.filter(
      ({ property, value }) => /^(font|font-size)$/.test(property) && /\dpx|\dpt/.test(value),
    )
    assert.deepEqual(fixed, [])
  })
})

describe('words in the sources', () => {
  // Messages to programs are left out: they use the words of the API contract.
  const forPrograms = ['refusals.ts', 'body.ts', 'wire.ts']
  const sources = ['src/accounts', 'src/learning', 'src/web', 'src/web/pages'].flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .filter((file) => file.endsWith('.ts') && !forPrograms.includes(file))
      .map((file) => join(folder, file)),
  )

  it('are plain in every message, also in those that no state above shows', () => {
    const messages = sources.flatMap((file) => {
      const source = readFileSync(join(ROOT, file), 'utf8')
      return [
        ...source.matchAll(/\b(?:error|message|text|title|label|legend|hint|empty|contradiction): ['`]([^'`]+)['`]/g),
      ].map(([, text = '']) => text)
    })
    assert.ok(messages.length > 30, String(messages.length))
    for (const message of messages) assert.deepEqual(unwantedWordsOf(`<body>${message}</body>`), [], message)
  })
})

describe('every path of a learner', () => {
  it('is in the gallery', () => {
    const shown = new Set(gallery.filter(({ viewer }) => viewer === 'learner').map(({ path }) => path))
    for (const path of PAGES_OF_LEARNERS) assert.ok(shown.has(path), path)
  })
})

/** What only a real browser can tell: focus, size, contrast, double clicks, going back, and what the script adds. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Page, Request } from 'playwright-core'
import { startApp } from '../support/app.ts'
import { sendLogin, startBrowser } from '../support/browser.ts'
import { collectGallery, type Exhibit, exhibitIn } from '../support/gallery.ts'
import { learner, PASSWORD, type Person, somebody } from '../support/people.ts'
import { eventually } from '../support/process.ts'

const app = await startApp()
const chromium = await startBrowser()
const gallery = await collectGallery(app)

const PHONE = { width: 320, height: 640 }
/** 1280 by 1024 at 400 %, and at 200 %. */
const ZOOMED_400 = { width: 320, height: 256 }
const ZOOMED_200 = { width: 640, height: 512 }
const DESK = { width: 1280, height: 800 }
/** Far more than anything takes here, and short enough to be told soon what does not come. */
const PATIENCE_MS = 10_000

/** Where a sign-up leads. */
const FIRST_PAGE = '**/onboarding/programming'

type Settings = NonNullable<Parameters<typeof chromium.newContext>[0]>

/** A page in a browser of its own, closed with its test. */
async function withPage(settings: Settings, walk: (page: Page) => Promise<void>): Promise<void> {
  const context = await chromium.newContext(settings)
  context.setDefaultTimeout(PATIENCE_MS)
  try {
    await walk(await context.newPage())
  } finally {
    await context.close()
  }
}

const focusedId = (page: Page) => page.evaluate('document.activeElement.id') as Promise<string>
const password = (page: Page) => page.getByLabel('Password', { exact: true })
const toggle = (page: Page) => page.getByRole('button', { name: /^(Show|Hide) password$/ })
const passwordStatus = (page: Page) => page.locator('.field [role=status]:not(#new-password-strength)')
const summary = (page: Page) => page.locator('#error-summary')

async function fillSignUp(page: Page, person: Person) {
  await page.goto(`${app.url}/sign-up`)
  await page.getByLabel('Name').fill(person.name)
  await page.getByLabel('Email address').fill(person.email)
  await password(page).fill(person.password)
}

async function logIn(page: Page, person: Person) {
  await page.goto(`${app.url}/login`)
  await sendLogin(page, person)
  await page.waitForURL('**/dashboard')
}

function posts(page: Page): Request[] {
  const seen: Request[] = []
  page.on('request', (request) => {
    if (request.method() === 'POST') seen.push(request)
  })
  return seen
}

/** Keeps forms from leaving the page, after the script of the page has had its say. */
const holdForms = (page: Page) =>
  page.evaluate(`document.addEventListener('submit', (event) => event.preventDefault())`)

const comeBackFromCache = (page: Page) =>
  page.evaluate(`dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))`)

async function centreOf(page: Page, selector: string) {
  const box = await page.locator(selector).boundingBox()
  assert.ok(box)
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 }
}

for (const javaScriptEnabled of [false, true]) {
  describe(`with JavaScript ${javaScriptEnabled ? 'on' : 'off'}`, () => {
    const settings = { javaScriptEnabled, viewport: PHONE }

    it('the skip link comes first, shows itself, and leads to the content', () =>
      withPage(settings, async (page) => {
        await page.goto(`${app.url}/help`)
        const link = page.getByRole('link', { name: 'Skip to the content' })
        assert.ok(((await link.boundingBox())?.y ?? 0) < 0)
        await page.keyboard.press('Tab')
        const box = await link.boundingBox()
        assert.ok(box && box.y >= 0 && box.height >= 44)
        await page.keyboard.press('Enter')
        assert.equal(await focusedId(page), 'main')
      }))

    it('[B09] the whole way asks no other site for anything and breaks no rule of the content policy', () =>
      withPage(settings, async (page) => {
        const strange: string[] = []
        page.on('request', (request) => {
          if (new URL(request.url()).origin !== app.url) strange.push(request.url())
        })
        page.on('console', (message) => {
          if (/Content Security Policy|Refused to/i.test(message.text())) strange.push(message.text())
        })
        page.on('pageerror', (error) => strange.push(error.message))
        const ada = somebody('Ada')
        for (const path of new Set(gallery.map(({ path }) => path))) await page.goto(app.url + path)
        await fillSignUp(page, { ...ada, email: 'ada' })
        await page.getByRole('button', { name: 'Create account' }).click()
        await summary(page).waitFor()
        await fillSignUp(page, ada)
        await page.getByRole('button', { name: 'Create account' }).click()
        await page.waitForURL(FIRST_PAGE)
        await page.getByRole('button', { name: 'Log out' }).click()
        await page.waitForURL('**/logout')
        await logIn(page, ada)
        for (const path of new Set(gallery.map(({ path }) => path))) await page.goto(app.url + path)
        assert.deepEqual(strange, [])
      }))

    for (const path of ['/sign-up', '/login']) {
      it(`${path}: after a mistake the focus is on the summary, and its links lead to the fields`, () =>
        withPage(settings, async (page) => {
          await page.goto(app.url + path)
          await page.locator('main button[type=submit]').click()
          await summary(page).waitFor()
          assert.equal(await focusedId(page), 'error-summary')
          assert.match(await page.title(), /^Error: /)
          for (const link of await summary(page).getByRole('link').all()) {
            await link.click()
            assert.equal(`#${await focusedId(page)}`, await link.getAttribute('href'))
            assert.ok(await page.locator(':focus').isVisible())
          }
        }))

      it(`${path}: Enter in any field sends the form, once`, () =>
        withPage(settings, async (page) => {
          const sent = posts(page)
          for (const type of ['text', 'email', 'password', 'checkbox']) {
            await page.goto(app.url + path)
            const field = page.locator(`main input[type=${type}]`)
            if ((await field.count()) === 0) continue
            sent.length = 0
            await field.press('Enter')
            await summary(page).waitFor()
            assert.equal(sent.length, 1, type)
          }
        }))
    }

    it('what was typed stands in the form again, but for the password', () =>
      withPage(settings, async (page) => {
        await page.goto(`${app.url}/login`)
        await page.getByLabel('Email address').fill('ada at example')
        await password(page).fill(PASSWORD)
        await page.getByLabel('Keep me logged in').check()
        await page.getByRole('button', { name: 'Log in' }).click()
        await summary(page).waitFor()
        assert.equal(await page.getByLabel('Email address').inputValue(), 'ada at example')
        assert.equal(await password(page).inputValue(), '')
        assert.ok(await page.getByLabel('Keep me logged in').isChecked())
      }))

    it('reloading the page after a form sends nothing again', () =>
      withPage(settings, async (page) => {
        await fillSignUp(page, somebody('Ada'))
        const sent = posts(page)
        await page.getByRole('button', { name: 'Create account' }).click()
        await page.waitForURL(FIRST_PAGE)
        assert.equal(await page.locator('.success').count(), 1)
        await page.reload()
        assert.equal(await page.locator('.success').count(), 0)
        assert.equal(sent.length, 1)
      }))

    it('a wanted page is reached after the login', () =>
      withPage(settings, async (page) => {
        const { person: ada } = await learner(app, 'Ada')
        await page.goto(`${app.url}/dashboard?week=2`)
        assert.equal(new URL(page.url()).search, '?next=%2Fdashboard%3Fweek%3D2')
        await page.getByLabel('Email address').fill(ada.email)
        await password(page).fill('not the password')
        await password(page).press('Enter')
        await summary(page).waitFor()
        await password(page).fill(ada.password)
        await password(page).press('Enter')
        await page.waitForURL('**/dashboard?week=2')
      }))

    it('[B05] going back after a logout shows nothing personal', () =>
      withPage(settings, async (page) => {
        const { person: ada } = await learner(app, 'Adalgisa')
        await logIn(page, ada)
        assert.match(await page.content(), /Adalgisa/)
        await page.getByRole('button', { name: 'Log out' }).click()
        await page.waitForURL('**/logout')
        await page.goBack()
        await page.waitForURL('**/login?next=**')
        assert.doesNotMatch(await page.content(), /Adalgisa|adalgisa/)
        await page.goBack()
        assert.doesNotMatch(await page.content(), /Adalgisa/)
      }))

    it('a form that was left open while the session ended in another tab says so and leads on', () =>
      withPage(settings, async (page) => {
        const { person: ada } = await learner(app, 'Ada')
        await page.goto(`${app.url}/login`)
        const other = await page.context().newPage()
        await logIn(other, ada)
        await page.getByLabel('Email address').fill(ada.email)
        await password(page).fill(ada.password)
        await page.getByRole('button', { name: 'Log in' }).click()
        await page.getByRole('heading', { name: 'This form is out of date' }).waitFor()
        await page.getByRole('link', { name: 'Go to your dashboard' }).click()
        await page.waitForURL('**/dashboard')
      }))
  })
}

describe('a page without its script', () => {
  it('offers nothing that only the script can work', () =>
    withPage({ javaScriptEnabled: false }, async (page) => {
      for (const path of ['/sign-up', '/login']) {
        await page.goto(app.url + path)
        assert.equal(await toggle(page).count(), 0)
        assert.equal(await page.getByRole('meter').count(), 0)
        assert.equal(await page.locator('main').getByRole('button').count(), 1)
      }
    }))

  it('goes the whole way when the script is blocked', () =>
    withPage({}, async (page) => {
      const ada = somebody('Ada')
      await page.route('**/*.js', (route) => route.abort())
      await fillSignUp(page, { ...ada, password: 'short' })
      await page.getByRole('button', { name: 'Create account' }).click()
      await summary(page).waitFor()
      assert.equal(await toggle(page).count(), 0)
      await password(page).fill(ada.password)
      await page.getByRole('button', { name: 'Create account' }).click()
      await page.waitForURL(FIRST_PAGE)
      await page.getByRole('button', { name: 'Log out' }).click()
      await page.waitForURL('**/logout')
      await page.getByRole('link', { name: 'Log in again' }).click()
      await page.getByLabel('Email address').fill(ada.email)
      await password(page).fill(ada.password)
      await page.getByRole('button', { name: 'Log in' }).click()
      await page.waitForURL('**/dashboard')
    }))

  it('loses nothing when the script throws at its first line', () =>
    withPage({}, async (page) => {
      const headers = { 'content-type': 'text/javascript' }
      await page.route('**/*.js', (route) => route.fulfill({ headers, body: 'throw new Error("broken")' }))
      await fillSignUp(page, somebody('Ada'))
      await page.getByRole('button', { name: 'Create account' }).click()
      await page.waitForURL(FIRST_PAGE)
    }))
})

describe('pressing a button several times', () => {
  /** Lets no password be hashed until it is released. */
  function holdHashing() {
    const { passwords } = app.deps
    let release = () => {}
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    app.deps.passwords = { ...passwords, hash: (text) => released.then(() => passwords.hash(text)) }
    return () => {
      app.deps.passwords = passwords
      release()
    }
  }

  it('without the script, on a slow sign-up, makes one account and ends on its first page', () =>
    withPage({ javaScriptEnabled: false }, async (page) => {
      const ada = somebody('Ada')
      const sent = posts(page)
      await fillSignUp(page, ada)
      const { x, y } = await centreOf(page, '#sign-up-form button[type=submit]')
      const release = holdHashing()
      for (let click = 1; click <= 3; click += 1) {
        const post = page.waitForRequest((request) => request.method() === 'POST')
        await page.mouse.click(x, y)
        await post
      }
      release()
      await page.waitForURL(FIRST_PAGE)
      assert.equal(sent.length, 3)
      assert.equal(await page.locator('.site-nav-name').innerText(), 'Ada')
      assert.equal((await app.sql`select id from users where email = ${ada.email}`).length, 1)
    }))

  it('with the script, sends once', () =>
    withPage({}, async (page) => {
      const sent = posts(page)
      await fillSignUp(page, somebody('Ada'))
      const { x, y } = await centreOf(page, '#sign-up-form button[type=submit]')
      // Written down by the page itself, since it cannot be asked while it waits for the answer.
      await page.evaluate(`document.addEventListener('submit', ({ defaultPrevented, submitter }) => {
        const { ariaDisabled, disabled, textContent } = submitter
        const presses = JSON.parse(sessionStorage.getItem('presses') ?? '[]')
        const press = { stopped: defaultPrevented, ariaDisabled, disabled, textContent }
        sessionStorage.setItem('presses', JSON.stringify([...presses, press]))
        console.debug('pressed')
      })`)
      let presses = 0
      page.on('console', (message) => {
        if (message.text() === 'pressed') presses += 1
      })
      const release = holdHashing()
      for (let click = 1; click <= 3; click += 1) await page.mouse.click(x, y)
      await eventually('three presses', () => presses === 3)
      release()
      await page.waitForURL(FIRST_PAGE)
      const busy = { ariaDisabled: 'true', disabled: false, textContent: 'Creating your account…' }
      assert.deepEqual(JSON.parse(await page.evaluate(`sessionStorage.getItem('presses')`)), [
        { stopped: false, ...busy },
        { stopped: true, ...busy },
        { stopped: true, ...busy },
      ])
      assert.equal(sent.length, 1)
    }))

  it('with the script, is possible again after ten seconds and after coming back', () =>
    withPage({}, async (page) => {
      await page.clock.install()
      await page.goto(`${app.url}/login`)
      await holdForms(page)
      const button = page.locator('#login-form button[type=submit]')
      await button.click()
      assert.equal(await button.getAttribute('aria-disabled'), 'true')
      await page.clock.fastForward(9_000)
      assert.equal(await button.getAttribute('aria-disabled'), 'true')
      await page.clock.fastForward(1_500)
      assert.equal(await button.getAttribute('aria-disabled'), null)
      assert.equal(await button.innerText(), 'Log in')
      await button.click()
      assert.equal(await button.innerText(), 'Logging in…')
      await comeBackFromCache(page)
      assert.equal(await button.getAttribute('aria-disabled'), null)
      assert.equal(await button.innerText(), 'Log in')
    }))
})

describe('a page that comes back from the cache', () => {
  it('of a learner asks the server once, and shows what that says', () =>
    withPage({}, async (page) => {
      const { person: ada } = await learner(app, 'Ada')
      await logIn(page, ada)
      await page.context().clearCookies()
      const asked: string[] = []
      page.on('request', (request) => {
        if (request.isNavigationRequest() && !request.redirectedFrom()) asked.push(new URL(request.url()).pathname)
      })
      const back = page.waitForURL('**/login?next=**')
      await comeBackFromCache(page)
      await back
      assert.deepEqual(asked, ['/dashboard'])
      assert.doesNotMatch(await page.content(), new RegExp(ada.email))
    }))

  it('of a visitor keeps what was typed, and hides a password', () =>
    withPage({}, async (page) => {
      await page.goto(`${app.url}/login`)
      await page.getByLabel('Email address').fill('ada@example.org')
      await password(page).fill(PASSWORD)
      await page.getByRole('button', { name: 'Show password' }).click()
      await comeBackFromCache(page)
      assert.equal(await password(page).getAttribute('type'), 'password')
      assert.equal(await page.getByLabel('Email address').inputValue(), 'ada@example.org')
      await page.getByRole('button', { name: 'Show password' }).waitFor()
    }))
})

describe('showing a password', () => {
  it('keeps the text and the caret, says so, and hides it again', () =>
    withPage({}, async (page) => {
      await page.goto(`${app.url}/login`)
      const field = password(page)
      const button = toggle(page)
      const status = passwordStatus(page)
      assert.equal(await button.getAttribute('type'), 'button')
      assert.equal(await button.getAttribute('aria-controls'), 'current-password')
      assert.equal(await status.getAttribute('role'), 'status')
      await field.fill(PASSWORD)
      await field.evaluate((input) => Reflect.apply(Reflect.get(input, 'setSelectionRange'), input, [3, 7]))
      // Worked as on a phone, where a tap on a button leaves the focus in the field.
      await button.dispatchEvent('click')
      assert.equal(await field.getAttribute('type'), 'text')
      assert.equal(await field.inputValue(), PASSWORD)
      assert.equal(await focusedId(page), 'current-password')
      const caret = `(({ selectionStart, selectionEnd }) => [selectionStart, selectionEnd])(document.activeElement)`
      assert.deepEqual(await page.evaluate(caret), [3, 7])
      assert.equal(await button.innerText(), 'Hide password')
      assert.equal(await status.innerText(), 'Your password is visible')
      await button.press('Enter')
      assert.equal(await field.getAttribute('type'), 'password')
      assert.equal(await button.innerText(), 'Show password')
      assert.equal(await status.innerText(), 'Your password is hidden')
    }))

  it('with a mouse leaves the caret where it was', () =>
    withPage({}, async (page) => {
      await page.goto(`${app.url}/login`)
      await password(page).fill(PASSWORD)
      await password(page).press('ArrowLeft')
      await toggle(page).click()
      await page.keyboard.type('!')
      assert.equal(await password(page).inputValue(), `${PASSWORD.slice(0, -1)}!${PASSWORD.slice(-1)}`)
    }))

  for (const path of ['/login', '/sign-up']) {
    it(`${path}: sends nothing by itself, and sends the field hidden`, () =>
      withPage({}, async (page) => {
        const sent = posts(page)
        await page.goto(app.url + path)
        await password(page).fill(PASSWORD)
        await toggle(page).click()
        assert.equal(sent.length, 0)
        await holdForms(page)
        await password(page).press('Enter')
        assert.equal(await password(page).getAttribute('type'), 'password')
      }))
  }
})

describe('Caps Lock', () => {
  it('is told politely, goes away, and blocks nothing', () =>
    withPage({}, async (page) => {
      await page.goto(`${app.url}/login`)
      const field = password(page)
      const status = passwordStatus(page)
      const key = { key: 'A', bubbles: true, cancelable: true }
      await field.dispatchEvent('keydown', { ...key, modifierCapsLock: true })
      assert.equal(await status.innerText(), 'Caps Lock is on')
      await field.pressSequentially('AB')
      assert.equal(await field.inputValue(), 'AB')
      assert.equal(await status.innerText(), '')
      await field.dispatchEvent('keyup', { ...key, modifierCapsLock: true })
      await field.dispatchEvent('keyup', key)
      assert.equal(await status.innerText(), '')
    }))

  it('leaves other words of the line alone', () =>
    withPage({}, async (page) => {
      await page.goto(`${app.url}/login`)
      await page.getByRole('button', { name: 'Show password' }).click()
      await password(page).press('a')
      assert.equal(await passwordStatus(page).innerText(), 'Your password is visible')
    }))
})

describe('the strength of a new password', () => {
  it('is told in words, on this device, and decides nothing', () =>
    withPage({}, async (page) => {
      const sent: string[] = []
      await page.clock.install()
      await fillSignUp(page, { ...somebody('Ada'), password: '' })
      page.on('request', (request) => sent.push(request.url()))
      const meter = page.getByRole('meter', { name: 'Password strength' })
      const words = page.locator('#new-password-strength')
      assert.ok(!(await meter.isVisible()))
      for (const [typed, says] of [
        ['abc', 'Very easy to guess'],
        ['aaaaaaaaaaaaaaaaaaaaaaaa', 'Very easy to guess'],
        ['tidy lan', 'Easy to guess'],
        ['tidy lantern', 'Fair'],
        [PASSWORD, 'Strong'],
      ] as const) {
        await password(page).fill(typed)
        await page.clock.fastForward(500)
        assert.equal(await words.innerText(), says, typed)
        assert.ok(await meter.isVisible())
      }
      assert.equal(await words.getAttribute('role'), 'status')
      assert.deepEqual(sent, [])
      await password(page).fill('')
      await page.clock.fastForward(500)
      assert.equal(await words.innerText(), '')
      assert.ok(!(await meter.isVisible()))
      await password(page).fill('abc')
      await password(page).press('Enter')
      await summary(page).getByRole('link', { name: 'Password must be 8 characters or more' }).waitFor()
    }))
})

describe('messages while typing', () => {
  it('do not come before the form was sent', () =>
    withPage({}, async (page) => {
      await page.clock.install()
      await page.goto(`${app.url}/sign-up`)
      await page.getByLabel('Email address').fill('ada')
      await page.getByLabel('Email address').blur()
      await page.clock.fastForward(5_000)
      assert.equal(await page.locator('.field-error, [aria-invalid=true]').count(), 0)
      assert.ok(await page.getByRole('button', { name: 'Create account' }).isEnabled())
    }))

  it('go once the field is mended, come again if it breaks, and never move the focus', () =>
    withPage({}, async (page) => {
      await page.clock.install()
      await page.goto(`${app.url}/sign-up`)
      await page.getByLabel('Email address').fill('ada')
      await page.getByRole('button', { name: 'Create account' }).click()
      await summary(page).waitFor()
      const field = page.locator('#email')
      const message = page.locator('#email-error')
      assert.ok(await message.isVisible())
      for (const [typed, visible] of [
        ['ada@example.org', false],
        ['ada@', true],
        ['ada@example.org', false],
      ] as const) {
        await field.fill(typed)
        await page.clock.fastForward(1_000)
        assert.equal(await message.isVisible(), visible, typed)
        assert.equal(await field.getAttribute('aria-invalid'), String(visible))
        assert.equal(await focusedId(page), 'email')
      }
      assert.ok(await page.locator('#name-error').isVisible())
    }))

  it('of leaving the page are never asked', () =>
    withPage({}, async (page) => {
      const dialogs: string[] = []
      page.on('dialog', (dialog) => {
        dialogs.push(dialog.type())
        return dialog.accept()
      })
      for (const path of ['/login', '/sign-up']) {
        await page.goto(app.url + path)
        await page.getByLabel('Email address').pressSequentially('ada')
        await page.goto(`${app.url}/help`)
      }
      assert.deepEqual(dialogs, [])
    }))

  it('[P17] paste, drop and the context menu are left to the person', () =>
    withPage({}, async (page) => {
      for (const path of ['/login', '/sign-up']) {
        await page.goto(app.url + path)
        const stopped = await page.evaluate(`[...document.querySelectorAll('input')].flatMap((input) =>
          ['paste', 'copy', 'cut', 'drop', 'dragover', 'contextmenu', 'keydown'].filter((name) =>
            !input.dispatchEvent(new Event(name, { bubbles: true, cancelable: true }))))`)
        assert.deepEqual(stopped, [])
      }
    }))
})

/** The questions that are asked inside the page; each answers with what is wrong. */
const TEXT_SPACING = '* { line-height: 1.5; letter-spacing: 0.12em; word-spacing: 0.16em } p { margin-block-end: 2em }'

const WIDER_THAN_THE_SCREEN = `(() => {
  const { scrollWidth } = document.scrollingElement
  const wide = scrollWidth > innerWidth ? ['the page: ' + scrollWidth] : []
  for (const element of document.querySelectorAll('body *')) {
    const { left, right, width } = element.getBoundingClientRect()
    if (element.closest('.skip-link, .visually-hidden, svg') || width === 0) continue
    if (left < -0.5 || right > innerWidth + 0.5) wide.push(element.tagName + '.' + element.className)
  }
  return wide
})()`

/** Text that is cut off by its box, or lies over other text. A long name in the header ends in dots on purpose. */
const UNREADABLE = `(() => {
  const found = []
  const texts = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement
    if (walker.currentNode.data.trim() === '' || element.closest('.skip-link, .visually-hidden, svg')) continue
    if (!element.checkVisibility()) continue
    if (getComputedStyle(element).textOverflow === 'ellipsis') continue
    const range = document.createRange()
    range.selectNodeContents(walker.currentNode)
    for (const rect of range.getClientRects()) if (rect.width > 1) texts.push({ element, rect, node: walker.currentNode })
  }
  for (const { element } of texts) {
    for (let box = element; box !== document.body; box = box.parentElement) {
      if (getComputedStyle(box).overflow === 'visible') continue
      if (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight) found.push('cut: ' + box.className)
    }
  }
  for (const text of document.querySelectorAll('svg text')) {
    const [inner, outer] = [text.getBoundingClientRect(), text.closest('svg').getBoundingClientRect()]
    if (inner.left < outer.left - 1 || inner.right > outer.right + 1) found.push('cut: ' + text.textContent)
  }
  for (const input of document.querySelectorAll('input:not([type=hidden], [hidden], [type=checkbox], [type=radio]), textarea')) {
    if (input.clientHeight < parseFloat(getComputedStyle(input).fontSize) * 1.2) found.push('low: ' + input.id)
  }
  for (const [index, one] of texts.entries()) {
    for (const other of texts.slice(index + 1)) {
      if (one.node === other.node) continue
      const across = Math.min(one.rect.right, other.rect.right) - Math.max(one.rect.left, other.rect.left)
      const down = Math.min(one.rect.bottom, other.rect.bottom) - Math.max(one.rect.top, other.rect.top)
      if (across > 2 && down > 0.4 * Math.min(one.rect.height, other.rect.height)) found.push('over each other: ' + one.node.data.trim() + ' / ' + other.node.data.trim())
    }
  }
  return [...new Set(found)]
})()`

const SMALL_TARGETS = `(() => {
  const small = []
  const size = (element) => element.getBoundingClientRect()
  const say = (element, { width, height }) =>
    small.push((element.textContent.trim() || element.id) + ': ' + Math.round(width) + ' by ' + Math.round(height))
  for (const control of document.querySelectorAll('button, input:not([type=hidden]), textarea, summary, .button, nav a, .brand')) {
    if (!control.checkVisibility()) continue
    const target = ['checkbox', 'radio'].includes(control.type) ? size(control.labels[0]) : size(control)
    if (target.width < 44 || target.height < 44) say(control, target)
  }
  const standsAlone = (link) => link.textContent.trim() === link.parentElement.textContent.trim()
  for (const link of document.querySelectorAll('main p > a, .answers dd > a, #error-summary a, .link-list a, .after-form a')) {
    const inText = link.parentElement.matches('p') && !link.closest('.after-form') && !standsAlone(link)
    if (!inText && size(link).height < 44) say(link, size(link))
  }
  return small
})()`

/** What would move. Asked of pages whose reader wants no motion. */
const MOVING = `[...document.querySelectorAll('*')].filter((element) => {
  const { transitionDuration, animationName, scrollBehavior } = getComputedStyle(element)
  return /[1-9]/.test(transitionDuration) || animationName !== 'none' || scrollBehavior !== 'auto'
}).map(({ tagName, className }) => tagName + '.' + className)`

async function inPage(page: Page, question: string): Promise<string[]> {
  return (await page.evaluate(question)) as string[]
}

/** Sets a stylesheet beside the page's own, which the content policy lets only a script do. */
const styleOf = (css: string): string => `{
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(${JSON.stringify(css)})
  document.adoptedStyleSheets = [sheet]
}`
const addStyle = (page: Page, css: string) => page.evaluate(styleOf(css))

describe('every state, as a reader may set it', async () => {
  const page = await chromium.newPage({ reducedMotion: 'reduce' })
  const show = await exhibitIn(page, app)

  const LOOKS: Record<string, { viewport: typeof PHONE; css?: string; direction?: 'rtl'; open?: true }> = {
    'on a phone': { viewport: PHONE },
    'with everything opened, on a phone': { viewport: PHONE, open: true },
    'with wide text': { viewport: PHONE, css: TEXT_SPACING },
    'with text twice as large, on a phone': { viewport: PHONE, css: 'html { font-size: 200% }' },
    'from right to left, on a phone': { viewport: PHONE, direction: 'rtl' },
    'at 400 %': { viewport: ZOOMED_400 },
    'at 200 %': { viewport: ZOOMED_200 },
    'on a desk': { viewport: DESK },
    'with everything opened, on a desk': { viewport: DESK, open: true },
    'with text twice as large, on a desk': { viewport: DESK, css: 'html { font-size: 200% }' },
    'from right to left, on a desk': { viewport: DESK, direction: 'rtl' },
  }

  for (const exhibit of gallery) {
    it(exhibit.name, async () => {
      await show(exhibit)
      const found: Record<string, string[]> = {}
      for (const [look, { viewport, css = '', direction = 'ltr', open = false }] of Object.entries(LOOKS)) {
        if (open && exhibit.page.querySelector('details') === null) continue
        if (page.viewportSize()?.width !== viewport.width || page.viewportSize()?.height !== viewport.height) {
          await page.setViewportSize(viewport)
        }
        const questions = [WIDER_THAN_THE_SCREEN, UNREADABLE, MOVING]
        if (viewport === DESK || viewport === PHONE) questions.push(SMALL_TARGETS)
        // One trip to the browser for each look: there are some 1,500.
        const all = await inPage(
          page,
          `(() => {
            ${styleOf(css)}
            document.documentElement.dir = '${direction}'
            for (const details of document.querySelectorAll('details')) details.open = ${open}
            return [${questions.join(', ')}].flat()
          })()`,
        )
        if (all.length > 0) found[look] = all
      }
      assert.deepEqual(found, {})
    })
  }
})

describe('the questions themselves', () => {
  it('find what is wrong when something is', () =>
    withPage({ viewport: PHONE }, async (page) => {
      await page.goto(`${app.url}/login`)
      await addStyle(
        page,
        `h1 { white-space: nowrap; inline-size: 40rem } .button { min-block-size: 0; padding: 0 }
         .hint { block-size: 5px; overflow: hidden } label { position: absolute; inset-block-start: 200px }`,
      )
      assert.ok((await inPage(page, WIDER_THAN_THE_SCREEN)).length >= 2)
      assert.ok((await inPage(page, UNREADABLE)).some((line) => line.startsWith('cut: hint')))
      assert.ok((await inPage(page, UNREADABLE)).some((line) => line.startsWith('over each other')))
      assert.ok((await inPage(page, SMALL_TARGETS)).some((line) => line.startsWith('Log in')))
    }))
})

/** What the Tab key stops at, in the order of the page: of a group of radio buttons, one. */
const TAB_STOPS = `[...document.querySelectorAll('a[href], button, input:not([type=hidden]), textarea, summary')]
  .filter((each) => each.checkVisibility())
  .filter((each) => {
    if (each.type !== 'radio') return true
    const group = [...each.form.querySelectorAll('input[type=radio]')].filter((other) => other.name === each.name && other.checkVisibility())
    return each === (group.find(({ checked }) => checked) ?? group[0])
  })`

/** Where the focus is: its place in the page, whether it can be seen, and the contrast of its ring to what is behind. */
const FOCUS = `(() => {
  const element = document.activeElement
  const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(element)
  const [rect] = element.getClientRects()
  // Of a text field of several lines, the one with the caret is what is brought into view.
  const [x, y] = [rect.x + rect.width / 2, rect.y + Math.min(rect.height / 2, 22)]
  const top = document.elementFromPoint(x, y)
  let behind = element.parentElement
  while (behind && getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)') behind = behind.parentElement
  const luminance = (colour) => {
    const [red, green, blue] = colour.match(/[\\d.]+/g).map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }
  const [dark, light] = [outlineColor, getComputedStyle(behind ?? document.body).backgroundColor]
    .map(luminance).sort((a, b) => a - b)
  return {
    index: ${TAB_STOPS}.indexOf(element),
    name: element.id || element.textContent.trim(),
    ring: outlineStyle === 'none' ? 0 : parseFloat(outlineWidth),
    contrast: (light + 0.05) / (dark + 0.05),
    inView: y >= 0 && y <= innerHeight && x >= 0 && x <= innerWidth,
    uncovered: top !== null && (element === top || element.contains(top) || top.contains(element)),
  }
})()`

type Focus = { index: number; name: string; ring: number; contrast: number; inView: boolean; uncovered: boolean }

/** Every stop of the Tab key from the top of the page to its end. */
async function tabThrough(page: Page): Promise<Focus[]> {
  await page.evaluate(`document.querySelector('#error-summary')?.removeAttribute('tabindex')`)
  const count = (await page.evaluate(`${TAB_STOPS}.length`)) as number
  await page.evaluate(`document.querySelector('.skip-link').focus()`)
  const stops: Focus[] = []
  for (let stop = 0; stop < count; stop += 1) {
    if (stop > 0) await page.keyboard.press('Tab')
    stops.push((await page.evaluate(FOCUS)) as Focus)
  }
  return stops
}

describe('the way of the Tab key', () => {
  const named = (name: string): Exhibit => gallery.find((each) => each.name === name) ?? assert.fail(name)
  const STATES = [
    '/ for a visitor',
    '/sign-up for a visitor',
    'sign-up with everything wrong',
    'login, 1 tries left',
    'dashboard of the widest name',
    '/logout for a learner',
    'page not found for a visitor',
    'first question after sign-up',
    'question of goals with too much text',
    'answers to look through',
    'profile of answers',
    'dashboard after a lesson was put aside',
    'lesson after its start',
  ]
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const [screen, viewport] of Object.entries({ phone: PHONE, zoomed: ZOOMED_400, desk: DESK })) {
      it(`is the order of reading, and can be seen at every stop: ${colorScheme}, ${screen}`, () =>
        withPage({ colorScheme, viewport }, async (page) => {
          const show = await exhibitIn(page, app)
          for (const state of STATES) {
            await show(named(state))
            const stops = await tabThrough(page)
            assert.deepEqual(
              stops.map(({ index }) => index),
              stops.map((_stop, index) => index),
              state,
            )
            for (const { name, ring, contrast, inView, uncovered } of stops) {
              assert.ok(ring >= 2, `${state}: ${name} has a ring of ${ring}px`)
              assert.ok(contrast >= 3, `${state}: the ring of ${name} has a contrast of ${contrast}`)
              assert.ok(inView && uncovered, `${state}: ${name} cannot be seen`)
            }
          }
        }))
    }
  }
})

describe('forced colours', () => {
  it('keep rings, borders and marks', () =>
    withPage({ forcedColors: 'active', viewport: PHONE }, async (page) => {
      const show = await exhibitIn(page, app)
      for (const exhibit of gallery.filter(({ name }) => /wrong|for a visitor|tries left|after/.test(name))) {
        await show(exhibit)
        const flat = await inPage(
          page,
          `[...document.querySelectorAll('.button, input:not([type=hidden], [type=checkbox], [type=radio]), textarea, .error-summary, .notice, .success')]
            .filter((element) => {
              const { borderInlineStartStyle, borderInlineStartWidth } = getComputedStyle(element)
              return borderInlineStartStyle !== 'solid' || parseFloat(borderInlineStartWidth) < 1
            }).map((element) => element.className || element.id)`,
        )
        assert.deepEqual(flat, [], exhibit.name)
        for (const { name, ring } of await tabThrough(page)) assert.ok(ring >= 2, `${exhibit.name}: ${name}`)
      }
    }))
})

describe('reduced motion', () => {
  it('moves nothing under the pointer', () =>
    withPage({ reducedMotion: 'reduce' }, async (page) => {
      await page.goto(`${app.url}/login`)
      await page.locator('#login-form .button').hover()
      assert.equal(await page.evaluate('document.getAnimations().length'), 0)
    }))

  it('is what makes the difference', () =>
    withPage({ reducedMotion: 'no-preference' }, async (page) => {
      await page.goto(`${app.url}/login`)
      assert.notDeepEqual(await inPage(page, MOVING), [])
    }))
})

describe('paper', () => {
  it('has links and hints as black as the text', () =>
    withPage({}, async (page) => {
      const { person: ada } = await learner(app, 'Ada')
      await logIn(page, ada)
      await page.emulateMedia({ media: 'print' })
      for (const path of ['/account', '/account/password-change', '/help', '/onboarding/programming', '/lessons/f1']) {
        await page.goto(app.url + path)
        const coloured = `[...document.querySelectorAll('main *')].filter((element) =>
          element.checkVisibility() && getComputedStyle(element).color !== 'rgb(0, 0, 0)').map(({ outerHTML }) => outerHTML)`
        assert.deepEqual(await inPage(page, coloured), [], path)
      }
    }))

  for (const colorScheme of ['light', 'dark'] as const) {
    it(`has the text in black on white and nothing to press, from a ${colorScheme} screen`, () =>
      withPage({ colorScheme }, async (page) => {
        const { person: ada } = await learner(app, 'Ada')
        await logIn(page, ada)
        await page.emulateMedia({ media: 'print' })
        const unwanted = '.site-header nav, .site-footer, .skip-link, .progress-form, summary, button, .button'
        for (const element of await page.locator(unwanted).all()) {
          assert.ok(!(await element.isVisible()), await element.innerText())
        }
        for (const wanted of ['.first', '.afterwards', '.map', '.stop .name']) {
          assert.ok(await page.locator(wanted).first().isVisible(), wanted)
        }
        assert.ok(await page.getByRole('heading', { name: 'Hello, Ada' }).isVisible())
        const faint = await inPage(
          page,
          `[...document.querySelectorAll('body, main, main *')].filter((element) => element.checkVisibility()).filter((element) => {
            const { color, backgroundColor } = getComputedStyle(element)
            const sum = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).reduce((total, part) => total + Number(part), 0)
            const filled = backgroundColor !== 'rgba(0, 0, 0, 0)'
            return sum(color) > 382 || (filled && sum(backgroundColor) < 600)
          }).map(({ tagName, className }) => tagName + '.' + className)`,
        )
        assert.deepEqual(faint, [])
        assert.ok((await page.pdf()).length > 1_000)
      }))
  }
})

describe('the weight of a page', () => {
  it('is small enough for a slow line', () =>
    withPage({}, async (page) => {
      const { person: ada } = await learner(app, 'Ada')
      await logIn(page, ada)
      for (const path of ['/', '/dashboard', '/help', '/privacy', '/profile', '/onboarding', '/lessons/f1']) {
        const fresh = await page.context().newPage()
        const client = await page.context().newCDPSession(fresh)
        await client.send('Network.enable')
        await client.send('Network.setCacheDisabled', { cacheDisabled: true })
        const loaded: Request[] = []
        fresh.on('request', (request) => loaded.push(request))
        await fresh.goto(app.url + path)
        const sizes = await Promise.all(
          loaded.map(async (request) => {
            const { responseBodySize, responseHeadersSize } = await request.sizes()
            return { script: request.resourceType() === 'script', size: responseBodySize + responseHeadersSize }
          }),
        )
        const total = (chosen: typeof sizes) => chosen.reduce((sum, { size }) => sum + size, 0)
        assert.ok(sizes.length >= 3)
        assert.ok(total(sizes) < 60_000, `${path} weighs ${total(sizes)} bytes`)
        assert.ok(total(sizes.filter(({ script }) => script)) < 10_000)
        await fresh.close()
      }
    }))
})

/** Logging out: opening the page changes nothing; the button ends the session on the server. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { startApp } from '../../support/app.ts'
import { controlsOf } from '../../support/gallery.ts'
import { learner, openBrowser } from '../../support/people.ts'
import { sessionsOf } from '../../support/sessions.ts'

const app = await startApp()

describe('the page', () => {
  it('shows a learner one button, and the way back', async () => {
    const { browser } = await learner(app, 'Ada')
    const { status, text } = await browser.get('/logout')
    const page = parse(text)
    assert.equal(status, 200)
    assert.equal(page.querySelector('h1')?.text, 'Log out of Matricula?')
    assert.deepEqual(controlsOf(text, 'logout-page-form'), [{ type: 'submit', class: 'button' }])
    assert.equal(page.querySelectorAll('main form').length, 1)
    assert.equal(page.querySelector('main button')?.text, 'Log out')
    assert.equal(page.querySelector('main form')?.getAttribute('action'), '/logout')
    assert.ok(page.querySelector('main a[href="/dashboard"]'))
  })

  it('changes nothing when it is opened, however often', async () => {
    const { browser, person } = await learner(app, 'Ada')
    for (let opened = 0; opened < 3; opened += 1) {
      const { headers } = await browser.get('/logout')
      assert.equal(headers['set-cookie'], undefined)
      assert.equal(headers['clear-site-data'], undefined)
    }
    assert.equal(await browser.whoAmI(), 'Ada')
    assert.equal((await sessionsOf(app, person)).length, 1)
  })

  it('tells a visitor that nobody is logged in', async () => {
    const { status, text } = await openBrowser(app).get('/logout')
    const page = parse(text)
    assert.equal(status, 200)
    assert.equal(page.querySelector('h1')?.text, 'You are logged out')
    assert.equal(page.querySelectorAll('form').length, 0)
    assert.ok(page.querySelector('main a[href="/login"]'))
  })
})

describe('the button', () => {
  for (const page of ['/dashboard', '/logout', '/', '/help']) {
    it(`on ${page} ends the session and says so`, async () => {
      const { browser, person } = await learner(app, 'Ada')
      const { status, headers } = await browser.submitTo(page, '/logout')
      assert.equal(status, 303)
      assert.equal(headers.location, '/logout')
      assert.equal((await sessionsOf(app, person)).length, 0)
      const after = parse((await browser.get('/logout')).text)
      assert.equal(after.querySelector('h1')?.text, 'You are logged out')
      assert.ok(after.querySelector('main a[href="/login"]'))
    })
  }

  it('is on every page of a learner, as a form', async () => {
    const { browser } = await learner(app, 'Ada')
    for (const path of ['/', '/dashboard', '/help', '/nowhere']) {
      const form = parse((await browser.get(path)).text).querySelector('header form')
      assert.equal(form?.getAttribute('method'), 'post', path)
      assert.equal(form?.getAttribute('action'), '/logout', path)
      assert.equal(form?.querySelector('button')?.text, 'Log out', path)
    }
  })

  it('[B11] takes the cookie away, and what the browser has cached, but nothing else', async () => {
    const { browser } = await learner(app, 'Ada')
    const { headers } = await browser.logOut()
    const cookies = [headers['set-cookie'] ?? []].flat().filter((cookie) => cookie.startsWith('matricula='))
    assert.equal(cookies.length, 1)
    assert.match(
      cookies[0] ?? '',
      /^matricula=; Path=\/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax$/,
    )
    assert.equal(headers['clear-site-data'], '"cache"')
  })

  it('makes the old cookie worth nothing', async () => {
    const { browser } = await learner(app, 'Ada')
    const thief = openBrowser(app, { Cookie: `matricula=${browser.cookie('matricula')}` })
    assert.equal((await thief.get('/dashboard')).status, 200)
    await browser.logOut()
    const { status, headers } = await thief.get('/dashboard')
    assert.equal(status, 303)
    assert.equal(headers.location, '/login?next=%2Fdashboard')
  })

  it('ends the session of this device only', async () => {
    const { browser, person } = await learner(app, 'Ada')
    const phone = openBrowser(app)
    await phone.logIn(person, { next: '/dashboard' })
    await browser.logOut()
    assert.equal(await phone.whoAmI(), 'Ada')
    assert.equal(await browser.whoAmI(), undefined)
  })

  it('pressed twice says the same twice', async () => {
    const { browser } = await learner(app, 'Ada')
    const body = { _csrf: await browser.token('/dashboard') }
    for (const { status, headers } of [await browser.post('/logout', body), await browser.post('/logout', body)]) {
      assert.equal(status, 303)
      assert.equal(headers.location, '/logout')
    }
  })

  it('without its token ends nothing', async () => {
    const { browser } = await learner(app, 'Ada')
    assert.equal((await browser.post('/logout')).status, 403)
    assert.equal(await browser.whoAmI(), 'Ada')
  })
})

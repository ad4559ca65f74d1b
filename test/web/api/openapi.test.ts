/** The description: valid OpenAPI, with every route that exists and no other, and also readable as a page. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { parse } from 'node-html-parser'
import { BEHIND_TLS, startApp } from '../../support/app.ts'
import { call, operationsOf } from '../../support/calls.ts'
import { routesOf } from '../../support/routes.ts'

const app = await startApp({}, { atPublicUrl: true })
const text = (await call(app, '/api/openapi.json')).text
const document = JSON.parse(text)

describe('the description', () => {
  it('is valid OpenAPI 3.1', async () => {
    const { valid, errors } = await new Validator().validate(JSON.parse(text))
    assert.deepEqual(errors ?? [], [])
    assert.equal(valid, true)
    assert.match(document.openapi, /^3\.1\.\d+$/)
  })

  it('would not be valid with a mistake in it', async () => {
    const broken = JSON.parse(text)
    delete broken.paths['/api/auth/sign-out'].post.responses
    broken.info.version = 1
    assert.equal((await new Validator().validate(broken)).valid, false)
  })

  it('refers to nothing that is missing or elsewhere', () => {
    const references = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, reference = '']) => reference)
    assert.ok(references.length > 10, `${references.length} found`)
    for (const reference of references) {
      const [, kind = '', name = ''] = /^#\/components\/(schemas|parameters)\/(\w+)$/.exec(reference) ?? []
      assert.ok(document.components[kind]?.[name], reference)
    }
  })

  it('names every operation once, by an id and in words', () => {
    const operations: { operationId: string; summary: string }[] = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods as object),
    )
    const ids = operations.map(({ operationId }) => operationId)
    assert.equal(new Set(ids).size, ids.length)
    for (const { operationId, summary } of operations) {
      assert.match(operationId, /^\w+$/)
      assert.match(summary, /^[A-Z`].*[^.]$|^[A-Z`].*\. .*\.$/, operationId)
    }
  })

  it('says for each operation who may call, in ways that it explains', () => {
    const known = Object.keys(document.components.securitySchemes)
    for (const methods of Object.values<Record<string, { security?: Record<string, string[]>[] }>>(document.paths)) {
      for (const { security } of Object.values(methods)) {
        assert.ok(Array.isArray(security), 'security is said')
        for (const way of security) for (const name of Object.keys(way)) assert.ok(known.includes(name), name)
      }
    }
  })

  it('names the address and the cookie of this server, behind TLS too', async () => {
    assert.deepEqual(document.servers, [{ url: app.url }])
    assert.equal(document.components.securitySchemes.session.name, 'matricula')
    const secure = await startApp(BEHIND_TLS, { databaseUrl: app.databaseUrl })
    const headers = { 'X-Forwarded-Proto': 'https' }
    const other = JSON.parse((await call(secure, '/api/openapi.json', { headers })).text)
    assert.deepEqual(other.servers, [{ url: BEHIND_TLS.PUBLIC_URL }])
    assert.equal(other.components.securitySchemes.session.name, '__Host-matricula')
    assert.deepEqual(Object.keys(other.paths), Object.keys(document.paths))
  })

  it('tells nothing of this machine or its secrets', () => {
    assert.doesNotMatch(text, /postgres|hunter2|APP_SECRETS|\/home|\/work|node_modules/)
  })
})

describe('what is described and what is there', () => {
  const routes = routesOf(app).filter((route) => /\/(api|\.well-known|\\\/api)\b/.test(route))
  const described = Object.entries<object>(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
  )

  /**
   * Routes that the description leaves out: the page about the API, another spelling of a path, and a redirect to a
   * page.
   */
  const BESIDE = ['GET /api', 'GET //api/auth/jwks', 'GET /.well-known/change-password']
  const isRefusal = (route: string) => route.startsWith('ALL ')

  it('is the same', () => {
    const there = routes.filter((route) => !BESIDE.includes(route) && !isRefusal(route))
    assert.ok(there.length > 25, `${there.length} found`)
    assert.deepEqual([...there].sort(), [...described].sort())
    for (const route of BESIDE) assert.ok(routes.includes(route), route)
  })

  it('refuses with 404 or 405 where a route takes all methods', async () => {
    const refusals = routes.filter(isRefusal)
    assert.ok(refusals.length > 0, 'there are some')
    for (const route of refusals) {
      const path = route.slice('ALL '.length)
      const { status } = await call(app, path.startsWith('/^') ? '/api/nothing' : path, { method: 'PUT', body: {} })
      assert.ok([404, 405].includes(status), `${route} answers ${status}`)
    }
  })

  it('answers at every described address', async () => {
    for (const { method, path } of await operationsOf(app)) {
      // Every endpoint that takes a body answers 400 to one that is not JSON.
      const { status, text: said } = await call(app, path, method === 'GET' ? {} : { method, body: '{' })
      if (method === 'GET') assert.ok(status < 500 && (status !== 404 || said !== ''), `${path} answers ${status}`)
      else assert.equal(status, 400, path)
    }
  })
})

describe('the page about the API', () => {
  it('names every path with every method, and every object', async () => {
    const { status, headers, text: html } = await call(app, '/api')
    assert.deepEqual([status, headers['content-type']], [200, 'text/html; charset=utf-8'])
    const page = parse(html)
    const headings = page.querySelectorAll('h3, caption, dt, code').map((element) => element.text.trim())
    for (const [path, methods] of Object.entries<object>(document.paths)) {
      for (const method of Object.keys(methods)) {
        assert.ok(headings.includes(`${method.toUpperCase()} ${path}`), `${method} ${path}`)
      }
    }
    for (const name of Object.keys(document.components.schemas)) assert.ok(page.text.includes(name), name)
    assert.equal(page.querySelectorAll('h1').length, 1)
    assert.ok(page.text.includes(app.url), 'it names the issuer')
  })

  it('loads nothing from elsewhere, and every link on it leads somewhere', async () => {
    const page = parse((await call(app, '/api')).text)
    for (const element of page.querySelectorAll('[src], link[href]')) {
      const address = element.getAttribute('src') ?? element.getAttribute('href') ?? ''
      assert.equal(new URL(address, app.url).origin, app.url, address)
    }
    assert.deepEqual(page.querySelectorAll('style, [style], iframe, object, embed, form:not([action])').length, 0)
    const ids = page.querySelectorAll('[id]').map(({ id }) => id)
    assert.equal(new Set(ids).size, ids.length, 'no id is there twice')
    const links = page.querySelectorAll('a[href]').map((link) => link.getAttribute('href') ?? '')
    assert.ok(links.length > 25, `${links.length} found`)
    for (const link of links) {
      if (link.startsWith('#')) assert.ok(ids.includes(link.slice(1)), link)
      else assert.equal((await call(app, link)).status, 200, link)
    }
  })

  it('is there for anybody', async () => {
    assert.equal((await call(app, '/api', { headers: { Cookie: 'matricula=x' } })).status, 200)
  })
})

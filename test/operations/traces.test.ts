/** Traces: what goes to the collector, what never does, and that nothing is loaded for them where nobody wants them. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { SECRET } from '../support/app.ts'
import { openCollector } from '../support/collector.ts'
import { createDatabase } from '../support/database.ts'
import { learner, openBrowser, PASSWORD } from '../support/people.ts'
import { eventually, startProgram, startServer } from '../support/process.ts'
import { exchange } from '../support/raw-http.ts'
import { COOKIE, sessionCookieOf } from '../support/sessions.ts'

const SERVER = 2
const CLIENT = 3
const CALLER = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' }
const traceparent = `00-${CALLER.traceId}-${CALLER.spanId}-00`

const folder = mkdtempSync(join(tmpdir(), 'matricula-traces-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** Has a program say at its end which files of OpenTelemetry it has loaded. */
const watch = join(folder, 'watch.cjs')
writeFileSync(
  watch,
  `process.on('exit', () => {
    const loaded = Object.keys(require.cache).filter((file) => file.includes('@opentelemetry'))
    process.stderr.write('loaded: ' + loaded.length + '\\n')
  })`,
)

const start = async (environment: Record<string, string> = {}) =>
  startServer({ DATABASE_URL: await createDatabase(), NODE_OPTIONS: `--require=${watch}`, ...environment })

async function stop(server: Awaited<ReturnType<typeof start>>): Promise<void> {
  server.kill('SIGTERM')
  assert.deepEqual(await server.ended(), { code: 0, signal: null })
}

describe('with a collector', async () => {
  const collector = await openCollector()
  const server = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/`, TRUST_PROXY: '1' })
  const { person, browser } = await learner(server, 'Ada')
  assert.equal((await openBrowser(server).logIn(person)).status, 303)
  await browser.get('/lessons/r1?secret=in-the-address')
  await exchange(server, '/health/ready')
  await exchange(server, '/not-a-page-of-ours')
  const cookie = sessionCookieOf(browser)
  await exchange(server, '/api/auth/get-session', { headers: { Cookie: `${COOKIE}=${cookie}`, traceparent } })
  await exchange(server, '/api/auth/ok', { headers: { traceparent: `00-${'0'.repeat(32)}-${CALLER.spanId}-01` } })
  await stop(server)
  const spans = collector.spans()
  const named = (name: string) => spans.filter((span) => span.name === name)

  it('each request is a span that is named by its route, until the server has ended', () => {
    const lesson = named('GET /lessons/:lesson')[0]
    assert.equal(lesson?.kind, SERVER)
    assert.deepEqual(lesson?.attributes, {
      'http.request.method': 'GET',
      'http.route': '/lessons/:lesson',
      'http.response.status_code': 200,
    })
    assert.equal(named('POST /login').length, 1)
    assert.equal(named('GET /api/auth/ok').length, 1, 'the last one too')
    assert.ok(named('GET').some(({ attributes }) => attributes['http.response.status_code'] === 404))
    assert.deepEqual(new Set(collector.paths), new Set(['/v1/traces']))
    assert.deepEqual(collector.services(), new Set(['matricula']))
  })

  it('each statement is a span of its request, on both roads', () => {
    for (const name of ['POST /login', 'GET /lessons/:lesson', 'GET /api/auth/get-session']) {
      const request = named(name)[0]
      const statements = spans.filter(({ parentSpanId }) => parentSpanId === request?.spanId)
      assert.ok(statements.length > 0, name)
      for (const { kind, traceId, attributes } of statements) {
        assert.deepEqual([kind, traceId], [CLIENT, request?.traceId])
        assert.equal(attributes['db.system.name'], 'postgresql')
        assert.match(String(attributes['db.query.text']), /^(select|with|insert|update|delete)\b/i)
      }
    }
  })

  it('no statement is without a request: neither health checks nor what the server does by itself', () => {
    const requests = new Set(spans.filter(({ kind }) => kind === SERVER).map(({ spanId }) => spanId))
    const lost = spans.filter(({ kind, parentSpanId }) => kind === CLIENT && !requests.has(parentSpanId ?? ''))
    assert.deepEqual(lost, [])
    assert.ok(!spans.some(({ name }) => name.includes('health')))
  })

  it('a trace that a proxy has begun goes on, but not one with an id that is none', () => {
    const [session] = named('GET /api/auth/get-session')
    assert.deepEqual([session?.traceId, session?.parentSpanId], [CALLER.traceId, CALLER.spanId])
    const [ok] = named('GET /api/auth/ok')
    assert.doesNotMatch(ok?.traceId ?? '', /^0+$/)
    assert.equal(ok?.parentSpanId || undefined, undefined)
  })

  it('the log names the trace', () => {
    assert.ok(server.written.out.includes(`"traceId":"${CALLER.traceId}"`))
  })

  it('nothing of anybody is in them', () => {
    const text = collector.text()
    for (const secret of [
      person.email,
      person.name,
      PASSWORD,
      cookie,
      'in-the-address',
      'not-a-page-of-ours',
      '127.0.0.1',
    ])
      assert.ok(!text.includes(secret), secret)
    assert.doesNotMatch(text, /\$2b\$|eyJ/)
  })

  it('the packages are loaded', () => {
    assert.match(server.written.err, /loaded: [1-9]/)
  })
})

describe('without a proxy in front', () => {
  it('a stranger cannot choose the id of a trace', async () => {
    const collector = await openCollector()
    const server = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url })
    await exchange(server, '/api/auth/ok', { headers: { traceparent } })
    await stop(server)
    const [span] = collector.spans()
    assert.equal(span?.name, 'GET /api/auth/ok')
    assert.notEqual(span?.traceId, CALLER.traceId)
  })
})

describe('a collector that refuses or is away', () => {
  it('disturbs nobody, and the operator hears of it', async () => {
    const refusing = await openCollector({ status: 400 })
    for (const OTEL_EXPORTER_OTLP_ENDPOINT of [refusing.url, 'http://127.0.0.1:9']) {
      const server = await start({ OTEL_EXPORTER_OTLP_ENDPOINT })
      assert.equal((await exchange(server, '/api/auth/ok')).status, 200)
      if (OTEL_EXPORTER_OTLP_ENDPOINT === refusing.url)
        await eventually('a line of the log', () => server.written.out.includes('traces were not taken'))
      await stop(server)
    }
  })
})

describe('without the optional packages', () => {
  it('the start ends and says how to get them', async () => {
    const hooks =
      'export const resolve = (name, context, next) => { if (name.startsWith("@opentelemetry/")) throw new Error("gone"); return next(name, context) }'
    const file = join(folder, 'without.mjs')
    writeFileSync(
      file,
      `import { register } from 'node:module'\nregister(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hooks)}`)})`,
    )
    const program = startProgram(['dist/server.js'], {
      NODE_ENV: 'test',
      APP_SECRETS: SECRET,
      PORT: '0',
      DATABASE_URL: await createDatabase(),
      NODE_OPTIONS: `--import=${pathToFileURL(file).href}`,
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
    })
    assert.equal((await program.ended()).code, 1)
    assert.equal(
      program.written.err,
      'OTEL_EXPORTER_OTLP_ENDPOINT needs the optional packages: npm install --include=optional\n',
    )
  })
})

describe('without a collector', () => {
  it('nothing is loaded', async () => {
    const server = await start()
    await learner(server, 'Ada')
    await stop(server)
    assert.match(server.written.err, /loaded: 0\n/)
  })
})

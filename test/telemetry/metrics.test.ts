/** The metrics: who may read them, what they count, and that no caller can make them grow. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { METHODS } from 'node:http'
import { describe, it } from 'node:test'
import { bearer } from '../support/api.ts'
import { BEHIND_TLS, startApp } from '../support/app.ts'
import { answer, passAll, saveAnswers } from '../support/learning.ts'
import { figure, METRICS_TOKEN, samplesOf, scrape } from '../support/metrics.ts'
import { learner, openBrowser, somebody } from '../support/people.ts'
import { eventually } from '../support/process.ts'
import { startProxy } from '../support/proxy.ts'
import { exchange } from '../support/raw-http.ts'

const app = await startApp({ METRICS_TOKEN })

describe('the metrics of a site', () => {
  for (const [who, headers] of Object.entries({
    nobody: {},
    'somebody with another token': bearer(`${METRICS_TOKEN}x`),
    'somebody with an empty one': bearer(''),
    'somebody with the token as a password': {
      Authorization: `Basic ${Buffer.from(`metrics:${METRICS_TOKEN}`).toString('base64')}`,
    },
  })) {
    it(`are not shown to ${who}`, async () => {
      const { status, headers: answered, text } = await exchange(app, '/metrics', { headers })
      assert.deepEqual([status, text], [401, '{"status":"unauthorized"}'])
      assert.match(String(answered['www-authenticate']), /^Bearer/)
    })
  }

  it('are shown to an operator, and kept by nobody on the way', async () => {
    const { status, headers } = await exchange(app, '/metrics', { headers: bearer(METRICS_TOKEN) })
    assert.equal(status, 200)
    assert.match(String(headers['content-type']), /^text\/plain; version=0\.0\.4/)
    assert.equal(headers['cache-control'], 'no-store')
  })

  it('are not there unless somebody has asked for them, nor where they have a port of their own', async () => {
    for (const environment of [{}, { METRICS_PORT: '0', METRICS_TOKEN }]) {
      const { status } = await exchange(await startApp(environment), '/metrics', { headers: bearer(METRICS_TOKEN) })
      assert.equal(status, 404)
    }
  })

  it('go by TLS and under the name of the site, as its pages do', async () => {
    const site = await startApp({ ...BEHIND_TLS, NODE_ENV: 'production', METRICS_TOKEN })
    const ask = async (headers: Record<string, string>) =>
      (await exchange(site, '/metrics', { headers: { ...bearer(METRICS_TOKEN), ...headers } })).status
    const ours = { Host: 'learn.example.org' }
    assert.equal(await ask({ ...ours, 'X-Forwarded-Proto': 'https' }), 200)
    assert.equal(await ask({ ...ours, 'X-Forwarded-Proto': 'http' }), 308)
    assert.equal(await ask({ Host: 'evil.example', 'X-Forwarded-Proto': 'https' }), 421)
  })
})

describe('what is counted', () => {
  it('is a request by its route, on both roads', async () => {
    const { browser } = await learner(app, 'Ada')
    const counts = async () => {
      const text = await scrape(app)
      const count = (labels: Record<string, string>) => figure(text, 'http_request_duration_seconds_count', labels) ?? 0
      return [
        count({ method: 'GET', route: '/lessons/:lesson', status: '200' }),
        count({ method: 'GET', route: '/api/auth/get-session', status: '200' }),
      ] as const
    }
    const [lessons, sessions] = await counts()
    for (const lesson of ['r1', 'f1']) await browser.get(`/lessons/${lesson}`)
    for (let asked = 0; asked < 3; asked += 1) await exchange(app, '/api/auth/get-session')
    // An answer is counted when its connection has taken it, which may be after it has arrived.
    await eventually('the requests to be counted', async () => {
      const [lessonsNow, sessionsNow] = await counts()
      return lessonsNow === lessons + 2 && sessionsNow === sessions + 3
    })
  })

  it('is how logins and sign-ups end, and whom a limit refuses', async () => {
    const mine = await startApp({ METRICS_TOKEN })
    const { person } = await learner(mine, 'Ben')
    const stranger = openBrowser(mine)
    assert.equal((await stranger.logIn(person)).status, 303)
    await stranger.logOut()
    for (let tries = 0; tries < 11; tries += 1)
      await openBrowser(mine).logIn({ ...somebody('Ben'), email: person.email })
    for (let tries = 0; tries < 11; tries += 1)
      await openBrowser(mine).logIn({ ...person, password: 'not the right one' })
    const text = await scrape(mine)
    assert.equal(figure(text, 'matricula_sign_ups_total', { outcome: 'ok' }), 1)
    assert.ok((figure(text, 'matricula_logins_total', { outcome: 'ok' }) ?? 0) >= 1)
    assert.ok((figure(text, 'matricula_logins_total', { outcome: 'wrong' }) ?? 0) >= 10)
    const refused = figure(text, 'matricula_logins_total', { outcome: 'too-many-tries' })
    assert.ok(refused !== undefined && refused >= 1)
    assert.equal(figure(text, 'matricula_limit_refusals_total', { limit: 'loginByAddress' }), refused)
    assert.ok((figure(text, 'matricula_hash_wait_seconds_count') ?? 0) >= 12)
    assert.equal(figure(text, 'matricula_hashes_refused_total'), 0)
  })

  it('is how far learners came', async () => {
    const mine = await startApp({ METRICS_TOKEN })
    await learner(mine, 'Ada')
    const ben = await learner(mine, 'Ben')
    await answer(ben.browser, 'programming')
    const carl = await learner(mine, 'Carl')
    await passAll(carl.browser)
    await saveAnswers(carl.browser)
    const text = await scrape(mine)
    const steps = ['signed_up', 'began', 'finished', 'skipped', 'learning']
    assert.deepEqual(
      steps.map((step) => figure(text, 'matricula_learners', { step })),
      [3, 2, 1, 0, 0],
    )
  })

  it('is the age of the key, of the oldest mail, and what the status lists hold', async () => {
    const mine = await startApp({ METRICS_TOKEN })
    const { browser } = await learner(mine, 'Ada')
    await exchange(mine, '/api/auth/jwks')
    await browser.logOut()
    await mine.sql`
      insert into outbox (id, kind, sealed, due_at, expires_at, queued_at)
      values ('one', 'verify-email', '', now() + '1 day', now() + '2 days', now() - interval '1 hour'),
        ('two', 'nothing', '', now() + '1 day', now() + '2 days', now() - interval '2 hours')`
    mine.advance(60_000)
    const text = await scrape(mine)
    const keyAge = figure(text, 'matricula_signing_key_age_seconds') ?? 0
    assert.ok(keyAge >= 59 && keyAge < 3_600, `${keyAge} s`)
    assert.equal(figure(text, 'matricula_signing_key_rotation_seconds'), 30 * 86_400)
    assert.equal(figure(text, 'matricula_mails_waiting'), 1)
    const oldest = figure(text, 'matricula_mail_oldest_seconds') ?? 0
    assert.ok(oldest >= 3_600 && oldest < 5_400, `${oldest} s`)
    assert.equal(figure(text, 'matricula_status_list_ended'), 1)
    assert.equal(figure(text, 'matricula_status_lists_used'), 1)
    assert.equal(figure(text, 'matricula_database_up'), 1)
    assert.ok((figure(text, 'matricula_database_connections_max') ?? 0) === 5)
    assert.ok(figure(text, 'nodejs_eventloop_lag_p99_seconds') !== undefined)
    await mine.sql`delete from outbox`
  })
})

describe('a thousand made-up addresses and methods', () => {
  it('do not make the metrics grow', async () => {
    const mine = await startApp({ METRICS_TOKEN })
    const methods = METHODS.filter((method) => method !== 'CONNECT')
    const ask = async (count: number) => {
      const asked = Array.from({ length: count }, (_, index) => {
        const random = randomBytes(9).toString('base64url')
        const path = [
          `/${random}`,
          `/api/${random}`,
          `/lessons/${random}`,
          `/login?x=${random}`,
          `/plan/calendar/${random}`,
        ]
        return exchange(mine, path[index % path.length] ?? '/', { method: methods[index % methods.length] ?? 'GET' })
      })
      await Promise.all(asked)
    }
    // Each combination of path and method once. After that there is nothing new to be seen.
    for (let round = 0; round < 4; round += 1) await ask(50)
    await scrape(mine)
    const routes = (text: string) => new Set(samplesOf(text).map(({ labels }) => labels.route))
    const before = await scrape(mine)
    for (let round = 0; round < 20; round += 1) await ask(50)
    const after = await scrape(mine)
    assert.deepEqual(routes(after), routes(before))
    const series = samplesOf(after).filter(({ name }) => name === 'http_request_duration_seconds_count')
    assert.ok(series.length <= 150, `${series.length} series`)
    const seen = new Set(series.map(({ labels }) => labels.method))
    assert.ok(seen.has('other') && seen.size <= 8, [...seen].join(' '))
    const most = series.reduce((sum, { value }) => sum + value, 0)
    assert.ok(most >= 1_000, `${most} counted`)
  })
})

describe('while the database is away', async () => {
  const proxy = await startProxy(app.databaseUrl)
  const cut = await startApp({ METRICS_TOKEN }, { databaseUrl: proxy.url })

  it('the metrics are there, without what only the database knows', async () => {
    assert.equal(figure(await scrape(cut), 'matricula_database_up'), 1)
    for (const fail of [() => proxy.cut(), () => proxy.swallow()]) {
      fail()
      await eventually('the metrics to say that the database is away', async () => {
        const text = await scrape(cut)
        return figure(text, 'matricula_database_up') === 0 && figure(text, 'matricula_mails_waiting') === undefined
      })
      await proxy.heal()
      await eventually('the metrics to say that it is back', async () => {
        return figure(await scrape(cut), 'matricula_mails_waiting') === 0
      })
    }
  })
})

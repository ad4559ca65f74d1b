/**
 * The live run: a Python backend answers 200 requests a second while keys change, our server is restarted, its database is
 * away, and sessions end. `npm run live-run` gives it some minutes (`-- --short`: some seconds) and judges it by the times of
 * docs/python.md; among the other tests it is shorter still, and a slow machine may take longer to see a logout.
 */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ApiClient, apiLearner, openApi } from '../support/api.ts'
import { PASSWORD, type Person, type Response } from '../support/people.ts'
import { eventually } from '../support/process.ts'
import { MINUTE, SECOND } from '../support/tokens.ts'
import { type Session, startLoad } from './live-run/load.ts'
import { callsPerRequest, type Row, sum, table } from './live-run/report.ts'
import { type Site, startSite } from './live-run/site.ts'

type Plan = { quietMs: number; outageMs: number; stepMs: number; pauseMs: number; seenWithinMs: number; isBrief?: true }
/** `stepMs` and `pauseMs`: how the clock is moved. The backend keeps keys for 5 minutes, so some requests come between. */
const PLANS: Record<string, Plan> = {
  test: { quietMs: 500, outageMs: 3 * SECOND, stepMs: MINUTE, pauseMs: 20, seenWithinMs: 30 * SECOND, isBrief: true },
  short: { quietMs: 2 * SECOND, outageMs: 8 * SECOND, stepMs: MINUTE, pauseMs: 50, seenWithinMs: 6 * SECOND },
  full: { quietMs: 5 * SECOND, outageMs: 60 * SECOND, stepMs: 30 * SECOND, pauseMs: 150, seenWithinMs: 6 * SECOND },
}
const STAYERS = 8
/** A list in 4 seconds and keys in 5 minutes make about 0.0013; a server that is away is asked once a second. */
const CALLS_PER_REQUEST_MAX = 0.01

type Way = (site: Site, api: ApiClient, person: Person) => Promise<Response>
const WAYS: Record<string, Way> = {
  'a logout': (_, api) => api.post('/api/auth/sign-out', {}),
  'a revoked device': async (site, api, person) => {
    const { token } = (await api.get('/api/auth/get-session')).body.session
    const other = openApi(site)
    await other.signIn(person)
    return other.post('/api/auth/revoke-session', { token })
  },
  'a changed password': async (site, _, person) => {
    const other = openApi(site)
    await other.signIn(person)
    return other.post('/api/auth/change-password', {
      currentPassword: PASSWORD,
      newPassword: `another ${PASSWORD}`,
      revokeOtherSessions: true,
    })
  },
  'a deleted account': (_, api) => api.post('/api/auth/delete-user', { password: PASSWORD }),
  'the end of all sessions': (_, api) => api.post('/api/auth/revoke-sessions', {}),
}

const mode = process.env.LIVE_RUN ?? 'test'
const plan = PLANS[mode] ?? assert.fail(`There is no live run of the kind ${mode}`)

it('a Python backend refuses nobody by mistake while all of it happens, and soon everybody whose session has ended', async () => {
  const site = await startSite()
  const load = startLoad({ backendUrl: site.backend.url, now: site.clock.now, seenWithinMs: plan.seenWithinMs })
  const rows: Row[] = []
  const left: Session[] = []

  /** Does the job, counts what the load sees meanwhile, and waits until the ends of sessions in it have been seen. */
  async function stage(name: string, job: () => Promise<unknown>): Promise<void> {
    const before = { calls: await site.calls(), real: performance.now(), clock: site.clock.now() }
    const leftBefore = left.length
    await job()
    for (const session of left.slice(leftBefore))
      await eventually(`${session.how} to be seen`, () => session.seenAt !== undefined)
    const calls = (await site.calls()) - before.calls
    const [realMs, clockMs] = [performance.now() - before.real, site.clock.now() - before.clock]
    rows.push({ name, ...load.take(), calls, realMs, clockMs })
  }

  async function join(how: string): Promise<Session & { person: Person }> {
    const { person, api } = await apiLearner(site, 'Ada')
    const session = { how, api, person }
    await load.renew(session)
    return session
  }

  /** Somebody comes, works for a moment, and leaves in this way. */
  async function leave(how: string, name = how): Promise<void> {
    const way = WAYS[how] ?? assert.fail(how)
    const session = await join(name)
    await sleep(plan.quietMs)
    session.endingAt = performance.now()
    const response = await way(site, session.api, session.person)
    assert.equal(response.status, 200, response.text)
    session.endedAt = performance.now()
    left.push(session)
  }

  /** Without the database nobody can log out, and whoever has tried is still let in. */
  async function triesToLeave(session: Session): Promise<void> {
    session.endingAt = performance.now()
    assert.equal((await session.api.post('/api/auth/sign-out', {})).status, 503)
    session.endingAt = undefined
  }

  const stayers: Session[] = []
  let turn = 0
  /** One of those who stay fetches a new token. Returns the key that has signed it. */
  const renewOne = (): Promise<string> => {
    turn += 1
    return load.renew(stayers[turn % STAYERS] ?? assert.fail())
  }
  async function forward(minutes: number): Promise<string> {
    let signer = ''
    for (const end = site.clock.now() + minutes * MINUTE; site.clock.now() < end; await sleep(plan.pauseMs)) {
      site.clock.forward(plan.stepMs)
      signer = await renewOne()
    }
    return signer
  }
  async function kidsIn(state: string): Promise<string[]> {
    const lines = await site.command('keys', 'list')
    return lines.filter((line) => line.includes(`  ${state}`)).map((line) => line.split('  ')[0] ?? '')
  }
  async function kidIn(state: string): Promise<string> {
    const [kid = assert.fail(`no key is ${state}`)] = await kidsIn(state)
    return kid
  }

  try {
    await stage('they sign up', async () => {
      for (let number = 0; number < STAYERS; number += 1) stayers.push(await join('somebody who stays'))
    })
    await stage('nothing happens', () => sleep(2 * plan.quietMs))
    await stage('sessions end', () => Promise.all(Object.keys(WAYS).map((how) => leave(how))))

    const first = await renewOne()
    await stage('a key is rotated', async () => {
      await site.command('keys', 'rotate')
      assert.notEqual(await forward(20), first)
      await leave('a logout', 'a logout between two keys')
      await forward(31)
      assert.equal((await kidsIn('')).includes(first), false, 'the first key is gone')
    })
    const second = await renewOne()
    if (!plan.isBrief) {
      await stage('a waiting key is called off', async () => {
        await site.command('keys', 'rotate')
        await forward(3)
        await site.command('keys', 'retire', '--', await kidIn('next'))
        assert.equal(await forward(20), second)
      })
      await stage('a key is rolled back', async () => {
        await site.command('keys', 'rotate')
        const third = await forward(18)
        assert.notEqual(third, second)
        await site.command('keys', 'retire', '--', third)
        assert.equal(await forward(3), second)
        await leave('a logout', 'a logout after a rollback')
        assert.equal(await forward(30), second)
      })
    }
    await stage('a key is withdrawn at once', async () => {
      load.withdrawn.set(second, site.clock.now())
      await site.command('keys', 'retire', '--now', '--', second)
      site.clock.forward(MINUTE + SECOND)
      // While the keys are being read, whoever comes gets a token of the last reading.
      for (const stayer of stayers)
        await eventually('the next key to sign', async () => (await load.renew(stayer)) !== second)
      await leave('a logout', 'a logout after a withdrawal')
      await forward(8)
    })

    if (!plan.isBrief) await stage('the server is restarted', () => site.restart('SIGTERM'))
    await stage('the server is killed', async () => {
      await site.restart('SIGKILL')
      await leave('a logout', 'a logout after a restart')
    })
    await stage('the database is away', async () => {
      const patient = await join('somebody who wanted to leave')
      site.proxy.swallow()
      if (!plan.isBrief) await triesToLeave(patient)
      await sleep(plan.outageMs / 2)
      site.proxy.cut()
      await sleep(plan.outageMs / 2)
      await site.proxy.heal()
      await eventually('the database to be used', async () => (await renewOne()) !== '')
    })
    await stage('the database is back', () => leave('a logout', 'a logout after an outage'))
  } finally {
    await load.stop()
    if (mode !== 'test' || load.wrong.length > 0)
      console.log([report(rows, left), ...load.wrong.slice(0, 10)].join('\n'))
  }

  const { requests, wrongRefusals, wrongAccepts, unanswered } = sum(rows)
  assert.deepEqual(
    { wrongRefusals, wrongAccepts, unanswered },
    { wrongRefusals: 0, wrongAccepts: 0, unanswered: 0 },
    load.wrong.slice(0, 10).join('\n'),
  )
  assert.ok(requests > 0)
  const late = left.filter(({ endedAt = 0, seenAt = Infinity }) => seenAt - endedAt > plan.seenWithinMs)
  assert.deepEqual(
    late.map(({ how }) => how),
    [],
  )
  if (mode === 'test') return
  // The others would fetch more often than a clock that is not moved has them do.
  const ordinary = sum(rows.filter(({ realMs, clockMs }) => clockMs < realMs + SECOND))
  assert.ok(callsPerRequest(ordinary) < CALLS_PER_REQUEST_MAX, `${callsPerRequest(ordinary)} calls for each check`)
})

function report(rows: readonly Row[], left: readonly Session[]): string {
  const times = left.map(
    ({ how, endedAt = Number.NaN, seenAt = Number.NaN }) => `${how}: ${((seenAt - endedAt) / SECOND).toFixed(1)} s`,
  )
  return `\n${table(rows)}\n\nSeconds until the backend has refused the token after\n${times.map((time) => `- ${time}`).join('\n')}\n`
}

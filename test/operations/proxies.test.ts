/** Behind Caddy and nginx, configured as docs/deploy.md shows: TLS, HTTP/2, whose address it is, and a new start. */
import assert from 'node:assert/strict'
import { get } from 'node:http'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { POLICIES } from '../../src/limits/policies.ts'
import { SECRET } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { isInstalled, openHttp2, PROXIES, planProxy, startProxy, versionAt } from '../support/front-proxies.ts'
import { somebody, tokenOf } from '../support/people.ts'
import { startProgram, startServer } from '../support/process.ts'
import { AUTHORITY } from '../support/tls-proxy.ts'

const AT_ONCE = 4
const VISITS_BEFORE = 20

/** Where plain HTTP sends people. */
const redirectOf = (port: number): Promise<{ status: number; location: string }> =>
  new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/login?next=%2Fplan', headers: { Host: 'localhost' } }, (response) => {
      response.resume()
      resolve({ status: response.statusCode ?? 0, location: response.headers.location ?? '' })
    }).once('error', reject)
  })

/** A mailed link that does not exist. */
const linkOf = (number: number): string =>
  `/api/auth/reset-password/${String(number).padStart(24, 'A')}?callbackURL=/login`

async function startBehind(kind: (typeof PROXIES)[number]) {
  const { ports, origin } = await planProxy()
  const environment = {
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    PORT: String(ports.upstream),
    PUBLIC_URL: origin,
    TRUST_PROXY: '1',
    APP_SECRETS: SECRET,
    DATABASE_URL: await createDatabase(),
  }
  const server = await startServer(environment)
  await startProxy(kind, ports)
  return { ports, origin, environment, server }
}

async function signUp(client: ReturnType<typeof openHttp2>) {
  const page = await client.get('/sign-up')
  const { name, email, password } = somebody('Ada')
  return client.post('/sign-up', { name, email, password, _csrf: tokenOf(page.text) })
}

for (const kind of PROXIES) {
  describe(`behind ${kind}`, { skip: !isInstalled(kind) && `${kind} is not installed` }, () => {
    it('somebody signs up over HTTP/2, and her cookie is for TLS and this host alone', async () => {
      const { origin, ports } = await startBehind(kind)
      const ada = openHttp2(origin)
      const answer = await signUp(ada)
      assert.equal(answer.status, 303, answer.text)
      const session = [answer.headers['set-cookie']].flat().find((cookie) => cookie?.startsWith('__Host-matricula='))
      assert.match(session ?? '', /; Secure/)
      assert.match(String(answer.headers['strict-transport-security']), /^max-age=\d+/)
      assert.match((await ada.get('/dashboard')).text, /Ada/)

      const { status, location } = await redirectOf(ports.http)
      assert.equal(status, 308)
      assert.match(location, /^https:\/\/localhost(:\d+)?\/login\?next=%2Fplan$/)
    })

    it('a browser gets TLS 1.3 or 1.2, and nobody an older one', async () => {
      const { origin } = await startBehind(kind)
      assert.equal(await versionAt(origin, 'TLSv1.3'), 'TLSv1.3')
      assert.equal(await versionAt(origin, 'TLSv1.2'), 'TLSv1.2')
      assert.equal(await versionAt(origin, 'TLSv1.1'), undefined)
      assert.equal(await versionAt(origin, 'TLSv1'), undefined)
    })

    it('everybody counts by their own address, whatever they claim', async () => {
      const { origin, server } = await startBehind(kind)
      const guesser = openHttp2(origin, { from: '127.0.0.2' })
      const guess = (number: number) => guesser.get(linkOf(number), { 'x-forwarded-for': `198.51.100.${number}` })
      const { points } = POLICIES.unknownLinksByNetwork
      for (let number = 0; number < points; number += 1) await guess(number)
      assert.equal((await guess(points)).status, 429)
      const other = openHttp2(origin, { from: '127.0.0.3' })
      assert.notEqual((await other.get(linkOf(0))).status, 429)
      assert.doesNotMatch(server.written.out, /TRUST_PROXY is 0|127\.0\.0\.[23]|198\.51\.100/)
    })

    it('the doctor finds the proxy as it should be', async () => {
      const { environment } = await startBehind(kind)
      const doctor = startProgram(['dist/cli.js', 'doctor'], { ...environment, NODE_EXTRA_CA_CERTS: AUTHORITY })
      assert.equal((await doctor.ended()).code, 0, doctor.written.out + doctor.written.err)
      assert.match(doctor.written.out, /^ok +proxy\b/m)
    })
  })
}

it('behind Caddy nobody gets an error while the server is started again', { skip: !isInstalled('caddy') }, async () => {
  const { origin, environment, server } = await startBehind('caddy')
  const statuses = new Map<number, number>()
  let isOver = false
  const visit = async () => {
    const client = openHttp2(origin)
    while (!isOver) {
      const { status } = await client.get('/login')
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  }
  const visits = Promise.all(Array.from({ length: AT_ONCE }, visit))
  const visited = async (more: number) => {
    const goal = (statuses.get(200) ?? 0) + more
    while ((statuses.get(200) ?? 0) < goal) {
      await sleep(10)
      assert.deepEqual(
        [...statuses.keys()].filter((status) => status !== 200),
        [],
      )
    }
  }
  await visited(VISITS_BEFORE)
  server.kill('SIGTERM')
  assert.equal((await server.ended()).code, 0)
  await startServer(environment)
  await visited(VISITS_BEFORE)
  isOver = true
  await visits
  assert.deepEqual([...statuses.keys()], [200])
})

/** What `doctor` says of a site that is well, and of one in which one thing is wrong. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createServer, request } from 'node:http'
import { after, describe, it } from 'node:test'
import postgres from 'postgres'
import { freePort } from '../../src/database/embedded/port.ts'
import { SECRET } from '../support/app.ts'
import { createDatabase, createEmptyDatabase } from '../support/database.ts'
import { HIDDEN } from '../support/keys-cli.ts'
import { openMailbox } from '../support/mailbox.ts'
import { startProgram, startServer } from '../support/process.ts'
import { startProxy } from '../support/proxy.ts'
import { ANOTHER_AUTHORITY, AUTHORITY, startTlsProxy } from '../support/tls-proxy.ts'

type Finding = { about: string; state: string; says: string; todo?: string }

const mailbox = await openMailbox()
const databaseUrl = await createDatabase()
const SETTINGS = { NODE_ENV: 'test', APP_SECRETS: SECRET, DATABASE_URL: databaseUrl }
const MAIL = { SMTP_URL: mailbox.url, MAIL_FROM: 'no-reply@matricula.example' }

async function doctor(settings: Record<string, string>, ...args: string[]) {
  const { ended, written } = startProgram(['dist/cli.js', 'doctor', '--json', ...args], { ...SETTINGS, ...settings })
  const { code } = await ended()
  for (const secret of [SECRET, HIDDEN]) assert.ok(!(written.out + written.err).includes(secret), written.out)
  assert.equal(written.err, '')
  const { findings }: { findings: Finding[] } = JSON.parse(written.out)
  return { code, about: (name: string) => findings.find(({ about }) => about === name) ?? assert.fail(name), findings }
}

/** A row of the table: this part is red, for this reason, and this is to be done. */
async function isRed(settings: Record<string, string>, name: string, says: RegExp, todo: RegExp) {
  const { code, about } = await doctor(settings)
  const found = about(name)
  assert.deepEqual([code, found.state], [1, 'wrong'], JSON.stringify(found))
  assert.match(found.says, says)
  assert.match(found.todo ?? '', todo)
}

/** A proxy that passes requests on, with these headers in place of theirs. */
async function startForwarder(
  port: number,
  headersOf: (given: NodeJS.Dict<string | string[]>) => Record<string, string>,
) {
  const server = createServer((req, res) => {
    const headers = { ...req.headers, ...headersOf(req.headers) }
    const onward = request({ host: '127.0.0.1', port, path: req.url, method: req.method, headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(res)
    })
    onward.on('error', () => res.writeHead(502).end())
    req.pipe(onward)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  after(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
}

describe('a site that is well', () => {
  it('is green throughout, and nothing is sent', async () => {
    const port = await freePort()
    const settings = { ...MAIL, PUBLIC_URL: `http://127.0.0.1:${port}` }
    await startServer({ ...SETTINGS, ...settings, PORT: String(port) })
    const { code, findings, about } = await doctor({ ...settings, PORT: String(port) })
    assert.deepEqual(
      // A database on a busy machine may be slow, which is no fault of the site.
      findings.map(({ about, state }) => `${about} ${about === 'database' && state === 'look' ? 'ok' : state}`),
      ['settings', 'database', 'tls', 'schema', 'rights', 'pooler', 'clock', 'keys', 'outbox', 'proxy', 'mail'].map(
        (name) => `${name} ok`,
      ),
    )
    assert.equal(code, 0)
    assert.match(about('keys').says, /^1 published/)
    assert.match(about('mail').says, /Nothing was sent$/)
    assert.equal(mailbox.tries(), 0)
  })

  it('says it in lines, in colours on no pipe', async () => {
    const { ended, written } = startProgram(['dist/cli.js', 'doctor'], SETTINGS)
    assert.equal((await ended()).code, 0)
    assert.match(written.out, /^ok {5}settings {3}complete, for development$/m)
    assert.match(written.out, /^off {4}proxy {6}PUBLIC_URL is not set$/m)
    assert.match(written.out, /^look {3}mail {7}off: .*\n +-> Set SMTP_URL and MAIL_FROM\.$/m)
    assert.equal(written.out.includes('\u001b'), false)
  })

  it('sends a real mail when asked to', async () => {
    const { code, about } = await doctor(MAIL, '--mail-to', 'ada@example.org')
    assert.deepEqual([code, about('mail').state], [0, 'ok'])
    assert.match((await mailbox.letterTo('ada@example.org')).subject, /try it out/)
  })
})

describe('a database', { concurrency: 2 }, () => {
  it('that is away is red, and what depends on it is not asked', async () => {
    const proxy = await startProxy(databaseUrl)
    proxy.cut()
    await isRed({ DATABASE_URL: proxy.url }, 'database', /out of reach/, /Is it running/)
    const { findings } = await doctor({ DATABASE_URL: proxy.url })
    for (const name of ['schema', 'rights', 'pooler', 'clock', 'keys'])
      assert.equal(findings.find(({ about }) => about === name)?.state, 'off')
  })

  it('that refuses the password is red', async () => {
    const url = Object.assign(new URL(databaseUrl), { password: HIDDEN })
    await isRed({ DATABASE_URL: url.href }, 'database', /password authentication failed/, /DATABASE_URL/)
  })

  it('without the tables is red', async () => {
    const url = await createEmptyDatabase()
    await isRed({ DATABASE_URL: url }, 'schema', /^version 0, and this program needs \d+$/, /dist\/cli\.js migrate$/)
  })

  it('whose role lacks rights is red, and says which', async () => {
    const url = await createDatabase()
    const owner = postgres(url, { max: 1, onnotice: () => {} })
    const role = `app_${randomBytes(6).toString('hex')}`
    after(async () => {
      await owner.unsafe(`drop owned by ${role}; drop role ${role}`)
      await owner.end()
    })
    await owner.unsafe(`
      create role ${role} login password 'pw';
      grant select, insert, update, delete on all tables in schema public to ${role};
      revoke update on sessions from ${role}`)
    const DATABASE_URL = Object.assign(new URL(url), { username: role, password: 'pw' }).href
    await isRed({ DATABASE_URL }, 'rights', new RegExp(`^the role ${role} lacks update on sessions$`), /grant select/)
    await owner.unsafe(`grant update on sessions to ${role}`)
    const { code, about } = await doctor({ DATABASE_URL })
    assert.deepEqual([code, about('rights').state], [0, 'look'])
    assert.match(about('rights').todo ?? '', /DATABASE_URL_UNPOOLED/)
    const both = await doctor({ DATABASE_URL, DATABASE_URL_UNPOOLED: url })
    assert.equal(both.about('rights').state, 'ok')
  })

  it('with a certificate of another authority is red', async () => {
    const url = await startTlsProxy(databaseUrl)
    url.searchParams.set('sslrootcert', ANOTHER_AUTHORITY)
    await isRed({ DATABASE_URL: url.href }, 'database', /certificate/, /DATABASE_URL/)
  })

  it('whose pooler refuses a parameter is red', async () => {
    const proxy = await startProxy(databaseUrl)
    proxy.refuse('08P01', 'unsupported startup parameter: statement_timeout')
    await isRed({ DATABASE_URL: proxy.url }, 'database', /Add \?pgbouncer=true/, /DATABASE_URL/)
  })

  it('whose clock is not ours is red', async () => {
    const NODE_OPTIONS = '--import=data:text/javascript,const{now}=Date;Date.now=()=>now()+90000'
    await isRed({ NODE_OPTIONS }, 'clock', /^the database's is \d\d\.\d s behind/, /NTP/)
  })

  it('whose keys these secrets do not open is red', async () => {
    await startServer({ ...SETTINGS })
    await isRed(
      { APP_SECRETS: 'another-secret-of-another-server-0123456789' },
      'keys',
      /open none of the keys/,
      /APP_SECRETS/,
    )
  })
})

describe('mail', { concurrency: 2 }, () => {
  const MAIL_FROM = 'no-reply@matricula.example'

  it('whose server is not there is red', async () => {
    const SMTP_URL = `smtp://127.0.0.1:${await freePort()}`
    await isRed({ MAIL_FROM, SMTP_URL }, 'mail', /connection: .*ECONNREFUSED/, /SMTP_URL/)
  })

  it('whose server wants no login, or not this sender, is red, and the password is not shown', async () => {
    const other = await openMailbox()
    const withPassword = other.url.replace('smtp://', `smtp://ada:${HIDDEN}@`)
    await isRed({ MAIL_FROM, SMTP_URL: withPassword }, 'mail', /login: it offers no login$/, /user and password/)
    other.set('not-you')
    await isRed({ MAIL_FROM, SMTP_URL: other.url }, 'mail', /sender: 550 Sender not allowed$/, /MAIL_FROM/)
  })

  it('whose server speaks no TLS where it must is red', async () => {
    const other = await openMailbox()
    await isRed(
      { MAIL_FROM, SMTP_URL: other.url.replace('smtp:', 'smtps:') },
      'mail',
      /connection: /,
      /smtps:\/\/ is TLS/,
    )
  })

  it('that refuses its own sender as recipient is to be looked at', async () => {
    const other = await openMailbox()
    other.set('unknown')
    const { code, about } = await doctor({ MAIL_FROM, SMTP_URL: other.url })
    assert.deepEqual([code, about('mail').state], [0, 'look'])
  })
})

describe('a mail server with encryption and a login', { concurrency: 2 }, () => {
  const MAIL_FROM = 'no-reply@matricula.example'
  /** With all that has a meaning in a URL or in SMTP. */
  const login = { user: 'ada@matricula.example', password: `${HIDDEN} %/:@ü` }
  const PLAIN = { ...login, ways: ['PLAIN' as const] }
  const urlOf = ({ port }: { port: number }, { scheme = 'smtp', host = 'localhost', password = login.password } = {}) =>
    `${scheme}://${encodeURIComponent(login.user)}:${encodeURIComponent(password)}@${host}:${port}`
  const trusted = { MAIL_FROM, NODE_EXTRA_CA_CERTS: AUTHORITY }

  for (const way of ['PLAIN', 'LOGIN', 'CRAM-MD5'] as const) {
    it(`is green after STARTTLS and a login by ${way}, and takes a real mail as well`, async () => {
      const server = await openMailbox({ host: 'localhost', tls: 'starttls', login: { ...login, ways: [way] } })
      const settings = { ...trusted, SMTP_URL: urlOf(server) }
      const { about } = await doctor(settings)
      assert.deepEqual([about('mail').state, server.tries()], ['ok', 0], about('mail').says)
      assert.match(about('mail').says, /: encrypted, logged in\. Nothing was sent$/)
      await doctor(settings, '--mail-to', 'ada@example.org')
      assert.equal(server.to('ada@example.org').length, 1)
    })
  }

  it('is green where TLS is from the start', async () => {
    const server = await openMailbox({ host: 'localhost', tls: 'implicit', login: PLAIN })
    const { about } = await doctor({ ...trusted, SMTP_URL: urlOf(server, { scheme: 'smtps' }) })
    assert.match(about('mail').says, /: encrypted, logged in/)
  })

  it('is red where its authority is not known, or its certificate is for another name', async () => {
    const server = await openMailbox({ host: '127.0.0.1', tls: 'starttls', login: PLAIN })
    const SMTP_URL = urlOf(server, { host: '127.0.0.1' })
    await isRed({ MAIL_FROM, SMTP_URL }, 'mail', /encryption: /, /certificate/)
    await isRed({ ...trusted, SMTP_URL }, 'mail', /encryption: .*(IP|altnames)/, /certificate/)
  })

  it('is red where the password is wrong, and neither that nor what was sent is shown', async () => {
    for (const way of ['PLAIN', 'LOGIN'] as const) {
      const server = await openMailbox({ host: 'localhost', tls: 'starttls', login: { ...login, ways: [way] } })
      const SMTP_URL = urlOf(server, { password: `${HIDDEN} other` })
      const sent = Buffer.from(`\0${login.user}\0${HIDDEN} other`).toString('base64')
      for (const args of [[], ['--mail-to', 'ada@example.org']]) {
        const { about } = await doctor({ ...trusted, SMTP_URL }, ...args)
        assert.equal(about('mail').state, 'wrong')
        assert.match(about('mail').says, /535 /)
        assert.equal(about('mail').says.includes(sent), false)
      }
    }
  })

  it('is red where the password would leave this machine in clear', async () => {
    const server = await openMailbox({ host: '127.0.0.2', login: PLAIN })
    await isRed({ MAIL_FROM, SMTP_URL: urlOf(server, { host: '127.0.0.2' }) }, 'mail', /no STARTTLS/, /./)
  })
})

describe('the proxies in front', () => {
  const port = freePort()
  const settingsFor = async (PUBLIC_URL: string, TRUST_PROXY: string) => ({
    ...SETTINGS,
    PUBLIC_URL,
    TRUST_PROXY,
    PORT: String(await port),
  })
  const appending = (given: NodeJS.Dict<string | string[]>) => ({
    'x-forwarded-for': [given['x-forwarded-for'], '127.0.0.1'].flat().filter(Boolean).join(', '),
  })

  it('are counted against TRUST_PROXY, whether they append or replace', async () => {
    const [direct, one] = [`http://127.0.0.1:${await port}`, await startForwarder(await port, appending)]
    const two = await startForwarder(Number(new URL(one).port), appending)
    const replacing = await startForwarder(await port, () => ({ 'x-forwarded-for': '127.0.0.1' }))
    const silent = await startForwarder(await port, () => ({}))
    await startServer(await settingsFor(direct, '1'))
    for (const url of [one, replacing]) {
      const { about } = await doctor(await settingsFor(url, '1'))
      assert.equal(about('proxy').state, 'ok', JSON.stringify(about('proxy')))
    }
    await isRed(await settingsFor(two, '1'), 'proxy', /^2 proxies say .* everybody seems to come/, /^TRUST_PROXY=2$/)
    for (const url of [silent, direct])
      await isRed(await settingsFor(url, '1'), 'proxy', /^no proxy says .* anybody can choose/, /^TRUST_PROXY=0/)
    await isRed(await settingsFor(one, '2'), 'proxy', /the server runs with TRUST_PROXY=1/, /Start the server anew/)
  })

  it('that lead nowhere, elsewhere or to a redirect are red', async () => {
    const nowhere = `http://127.0.0.1:${await freePort()}`
    await isRed({ PUBLIC_URL: nowhere }, 'proxy', /does not answer: .*ECONNREFUSED/, /Is the server running/)
    const dead = await startForwarder(await freePort(), () => ({}))
    await isRed({ PUBLIC_URL: dead }, 'proxy', /answers with 502$/, /pass requests on to port/)
    const elsewhere = createServer((req, res) =>
      req.url?.startsWith('/health') ? res.writeHead(301, { Location: 'https://www.example.org/' }).end() : res.end(),
    )
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve))
    after(() => elsewhere.close())
    const address = elsewhere.address()
    const url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
    await isRed({ PUBLIC_URL: url }, 'proxy', /sends on to https:\/\/www\.example\.org\/$/, /PUBLIC_URL/)
  })

  it('are told of to nobody who does not hold the secrets', async () => {
    const url = `http://127.0.0.1:${await port}`
    assert.equal((await fetch(`${url}/health/proxy`)).status, 404)
    const forged = { 'X-Matricula-Doctor': `${Date.now()}.${'A'.repeat(43)}` }
    assert.equal((await fetch(`${url}/health/proxy`, { headers: forged })).status, 404)
    const APP_SECRETS = 'another-secret-of-another-server-0123456789'
    const { about } = await doctor({ PUBLIC_URL: url, APP_SECRETS })
    assert.match(about('proxy').says, /does not know us$/)
  })
})

/** People who are moved in from files of other programs. */
import assert from 'node:assert/strict'
import { pbkdf2Sync, randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import bcrypt from 'bcrypt'
import { argon2 } from '../../src/accounts/passwords/argon2.ts'
import { startApp } from '../support/app.ts'
import { ARGON2, FOREIGN } from '../support/foreign-hashes.ts'
import { moveInLines } from '../support/moving.ts'
import { comingBack, learner, openBrowser, PASSWORD, somebody } from '../support/people.ts'

const app = await startApp()
const other = await startApp({ APP_SECRETS: 'the-secret-of-another-site-9876543210zyxw' })

type Found = {
  id: string
  name: string
  emailVerified: boolean
  image: string | null
  createdAt: Date
  passwordHash: string | null
}

async function found(email: string): Promise<Found | undefined> {
  const [row] = await app.sql<Found>`
    select id, name, email_verified, image, created_at, password_hash from users where email = ${email}`
  return row
}
const logIn = async (email: string, password = PASSWORD) =>
  (await comingBack(() => openBrowser(app).logIn({ email, password }))).status

const address = (name = 'ada'): string => somebody(name).email
const id = (): string => randomBytes(8).toString('hex')
const hashOf = (name: string): string => FOREIGN[name]?.hash ?? assert.fail(name)
const quick = await bcrypt.hash(PASSWORD, 4)
const ofOther = await other.deps.passwords.hash(PASSWORD)

const SALT = randomBytes(16)
/** As Keycloak has it: 64 bytes of key, whatever the digest. */
const keycloak = (digest: 'sha256' | 'sha512') => ({
  type: 'password',
  secretData: JSON.stringify({
    value: pbkdf2Sync(PASSWORD, SALT, 27_500, 64, digest).toString('base64'),
    salt: SALT.toString('base64'),
    additionalParameters: {},
  }),
  credentialData: JSON.stringify({ hashIterations: 27_500, algorithm: `pbkdf2-${digest}`, additionalParameters: {} }),
})

/** A line as each program writes it, and what must be here afterwards. */
const EXPORTS: Record<
  string,
  (email: string) => { lines: object[]; id: string; confirmed: boolean; password?: string }
> = {
  'our own form': (email) => ({
    lines: [
      { id: 'kept-1', email, name: 'Ada', emailVerified: true, passwordHash: quick, createdAt: '2024-05-06T07:08:09Z' },
    ],
    id: 'kept-1',
    confirmed: true,
  }),
  'our own form in snake case': (email) => ({
    lines: [
      {
        id: 'kept-2',
        email,
        name: 'Ada',
        email_verified: true,
        password_hash: quick,
        created_at: '2024-05-06 07:08:09',
      },
    ],
    id: 'kept-2',
    confirmed: true,
  }),
  Django: (email) => ({
    lines: [
      {
        model: 'auth.user',
        pk: 71,
        fields: {
          username: 'ada71',
          password: hashOf('Django, PBKDF2'),
          email,
          first_name: 'Ada',
          last_name: '',
          is_active: true,
          date_joined: '2024-05-06T07:08:09Z',
        },
      },
    ],
    id: '71',
    confirmed: false,
  }),
  'Devise with a pepper': (email) => ({
    lines: [
      { hash_config: { pepper: 'of the Rails site' } },
      {
        id: 72,
        email,
        name: 'Ada',
        encrypted_password: bcrypt.hashSync(`${PASSWORD}of the Rails site`, 4).replace('$2b$', '$2a$'),
        confirmed_at: '2024-05-07T00:00:00.000Z',
        created_at: '2024-05-06T07:08:09.000Z',
      },
    ],
    id: '72',
    confirmed: true,
  }),
  Firebase: (email) => ({
    lines: [
      {
        hash_config: {
          algorithm: 'SCRYPT',
          base64_signer_key: 'jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==',
          base64_salt_separator: 'Bw==',
          rounds: 8,
          mem_cost: 14,
        },
      },
      {
        localId: 'fire73',
        email,
        displayName: 'Ada',
        emailVerified: true,
        createdAt: '1714979289000',
        salt: '42xEC-ixf3L2lw==',
        passwordHash: 'lSrfV15cpx95_sZS2W9c9Kp6i_LVgQNDNC_qzrCnh1SAyZvqmZqAjTdn3aoItz-VHjoZilo78198JAdRuid5lQ==',
      },
    ],
    id: 'fire73',
    confirmed: true,
    password: 'user1password',
  }),
  Auth0: (email) => ({
    lines: [
      {
        _id: { $oid: '60425dc43519d90068f82973' },
        email_verified: true,
        email,
        name: 'Ada',
        passwordHash: bcrypt.hashSync(PASSWORD, 4),
        created_at: { $date: '2024-05-06T07:08:09.000Z' },
        connection: 'Username-Password-Authentication',
      },
    ],
    id: 'auth0|60425dc43519d90068f82973',
    confirmed: true,
  }),
  'Keycloak, PBKDF2 with SHA-256': (email) => ({
    lines: [
      {
        id: 'kc-74',
        username: 'ada',
        firstName: 'Ada',
        email,
        emailVerified: false,
        enabled: true,
        createdTimestamp: 1714979289000,
        credentials: [keycloak('sha256')],
      },
    ],
    id: 'kc-74',
    confirmed: false,
  }),
  'Keycloak, PBKDF2 with SHA-512': (email) => ({
    lines: [
      {
        id: 'kc-75',
        username: 'Ada',
        email,
        emailVerified: true,
        enabled: true,
        createdTimestamp: 1714979289000,
        credentials: [{ type: 'otp' }, keycloak('sha512')],
      },
    ],
    id: 'kc-75',
    confirmed: true,
  }),
}

describe('somebody from another program', { concurrency: 3 }, () => {
  for (const [program, made] of Object.entries(EXPORTS)) {
    it(`keeps id, name, password and what is known of the address: ${program}`, async () => {
      const email = address()
      const { lines, id, confirmed, password = PASSWORD } = made(email)
      const report = await moveInLines(app, lines)
      assert.deepEqual({ ...report, entries: [] }, { read: 1, taken: 1, already: 0, leftOut: 0, entries: [] })
      const person = await found(email)
      assert.equal(person?.id, id)
      assert.equal(person?.name, 'Ada')
      assert.equal(person?.emailVerified, confirmed)
      assert.equal(person?.createdAt.toISOString().slice(0, 10), '2024-05-06')
      assert.equal(await logIn(email, `${password} `), 422)
      assert.equal(await logIn(email, password), 303)
    })
  }

  it('has Argon2, as newer Keycloaks write it', {
    skip: argon2() === undefined && 'no Argon2 is installed',
  }, async () => {
    const [, , version = '', memory = '', salt = '', value = ''] = (
      ARGON2['passlib, Argon2 in PHC form']?.hash ?? ''
    ).split('$')
    assert.deepEqual([version, memory], ['v=19', 'm=19456,t=2,p=1'])
    const email = address()
    const additionalParameters = {
      hashLength: ['32'],
      memory: ['19456'],
      type: ['id'],
      version: ['1.3'],
      parallelism: ['1'],
    }
    const credential = {
      type: 'password',
      secretData: JSON.stringify({ value: `${value}=`, salt: `${salt}==` }),
      credentialData: JSON.stringify({ hashIterations: 2, algorithm: 'argon2', additionalParameters }),
    }
    await moveInLines(app, [
      { id: id(), username: 'Ada', email, enabled: true, createdTimestamp: 1, credentials: [credential] },
    ])
    assert.equal(await logIn(email), 303)
  })

  it('without a password sets one by mail, and is told apart', async () => {
    const email = address()
    const { entries } = await moveInLines(app, [{ id: id(), email, name: 'Ada' }])
    assert.deepEqual(entries, [{ place: 'line 1', outcome: 'noted', reason: 'no-password' }])
    assert.equal((await found(email))?.passwordHash, null)
    assert.equal(await logIn(email, ''), 422)
  })

  it('is logged in nowhere', async () => {
    const person = { id: id(), email: address(), name: 'Ada', passwordHash: quick }
    await moveInLines(app, [person])
    assert.ok(await found(person.email), 'they are here')
    assert.equal((await app.sql`select from sessions where user_id = ${person.id}`).length, 0)
  })
})

describe('a file of many', () => {
  it('does not stop at a time that a database cannot hold', async () => {
    const times = [-62_198_755_200_000, '0000-01-01', -8.64e15, 8.64e15, { toString: 1 }, '2024-05-06T07:08:09Z']
    const people = times.map((createdAt) => ({ id: id(), email: address(), name: 'Ada', createdAt }))
    const { taken, leftOut } = await moveInLines(app, people)
    assert.deepEqual([taken, leftOut], [times.length, 0])
    const last = await found(people.at(-1)?.email ?? '')
    assert.equal(last?.createdAt.toISOString(), '2024-05-06T07:08:09.000Z')
  })

  it('is read by its line feeds alone, and with the mark of Windows in front', async () => {
    const [one, other] = [address(), address()]
    const text = `\ufeff{"email":"${one}","name":"Ada é","x":"\u2028\u0085"}\r\n\r\n{"email":"${other}","name":"\u{1f9ed} Ben"}`
    const { read, taken } = await moveInLines(app, [text])
    assert.deepEqual([read, taken], [2, 2])
    assert.deepEqual([(await found(one))?.name, (await found(other))?.name], ['Ada é', '\u{1f9ed} Ben'])
  })
})

describe('who is left out', () => {
  const person = (more: object) => ({ id: id(), email: address(), name: 'Ada', passwordHash: quick, ...more })
  const CASES: Record<string, [line: object | string, reason: string]> = {
    'a line that is no JSON': ['Ada, ada@example.org', 'unreadable'],
    'a list, as a whole file may be': ['[{"email":"ada@example.org"}]', 'unreadable'],
    'a group of Django': [{ model: 'auth.group', pk: 1, fields: { name: 'teachers' } }, 'unreadable'],
    'somebody of Firebase before its numbers': [
      { localId: '1', email: address(), passwordHash: 'a', salt: 'b' },
      'unreadable',
    ],
    'somebody without an address': [person({ email: null }), 'against-a-rule'],
    'an address that is none': [person({ email: 'ada@localhost' }), 'against-a-rule'],
    'a name by the Kelvin sign': [person({ email: 'me@\u212aelvin.example.org' }), 'against-a-rule'],
    'an id with a space': [person({ id: 'a b' }), 'against-a-rule'],
    'an id of a thousand signs': [person({ id: 'a'.repeat(1_000) }), 'against-a-rule'],
    'an object where a number should be': [{ user_id: { toString: 1, valueOf: 1 }, email: address() }, 'unreadable'],
    'more than anybody has': [`{"email":"${'a'.repeat(2 ** 22)}"}`, 'unreadable'],
    'what a mark has replaced, deeper than anything goes': [
      `{"email":"${address()}","progress":[{"lesson":"r1","state":"done","replaced":{"before":${'['.repeat(9_000)}${']'.repeat(9_000)}}}]}`,
      'against-a-rule',
    ],
    'what a mark has replaced at no time': [
      person({ progress: [{ lesson: 'r1', state: 'known', replaced: { before: 'done', updatedAt: 'then' } }] }),
      'against-a-rule',
    ],
    'a picture, a text and U+0000': [
      person({ plan: {}, progress: [{ lesson: '\u0000', state: 'done' }] }),
      'against-a-rule',
    ],
    'half a sign': [person({ progress: [{ lesson: '\ud800', state: 'done' }] }), 'against-a-rule'],
    'somebody who is blocked': [
      { model: 'auth.user', pk: 9, fields: { email: address(), password: quick, is_active: false } },
      'blocked',
    ],
    'a hash that is not known': [person({ passwordHash: '5f4dcc3b5aa765d61d8327deb882cf99' }), 'unknown-hash'],
    'a hash that would take hours': [person({ passwordHash: quick.replace('$04$', '$31$') }), 'unknown-hash'],
    'a hash of a site with other secrets': [person({ passwordHash: ofOther }), 'other-secrets'],
  }
  for (const [who, [line, reason]] of Object.entries(CASES)) {
    it(`${who}, and the report says why; those beside them are taken`, async () => {
      const beside = [person({}), person({})]
      const report = await moveInLines(app, [beside[0] ?? '', line, beside[1] ?? ''])
      assert.deepEqual(
        report.entries.map((entry) => [entry.place, entry.reason]),
        [['line 2', reason]],
      )
      assert.deepEqual([report.taken, report.leftOut], [2, 1])
      for (const { email } of beside) assert.ok(await found(email), 'those beside them are here')
    })
  }

  it('whoever has the address, or the id, of somebody before', async () => {
    const ada = person({})
    const report = await moveInLines(app, [ada, person({ email: ada.email.toUpperCase() }), '', person({ id: ada.id })])
    assert.deepEqual(
      report.entries.map(({ place, reason, detail }) => [place, reason, detail]),
      [
        ['line 2', 'same-address', 'line 1'],
        ['line 4', 'id-taken', 'line 1'],
      ],
    )
  })

  it('whoever has the address or the id of somebody here, who stays as they are', async () => {
    const { person: ada } = await learner(app, 'Ada')
    const there = await found(ada.email)
    const ofId = person({ id: there?.id ?? '' })
    const report = await moveInLines(app, [person({ email: ada.email }), ofId])
    assert.deepEqual(
      report.entries.map(({ reason }) => reason),
      ['other-id', 'id-taken'],
    )
    assert.deepEqual(await found(ada.email), there)
    assert.equal(await found(ofId.email), undefined)
  })

  it('whoever has the address of an account in its days of grace, or the id of one that is gone for good', async () => {
    const { person: ada } = await learner(app, 'Ada')
    await app.sql`update all_users set delete_at = now() + interval '1 day' where email = ${ada.email}`
    const { person: ben } = await learner(app, 'Ben')
    const gone = (await found(ben.email))?.id ?? ''
    await app.sql`delete from users where id = ${gone}`
    const lines = [person({ email: ada.email }), person({ id: gone })]
    for (const dryRun of [true, false]) {
      const { entries } = await moveInLines(app, lines, { dryRun })
      assert.deepEqual(
        entries.map(({ reason }) => reason),
        ['being-deleted', 'id-deleted'],
      )
    }
  })

  it('nobody for a hash alone, if that is wished: they set a new password', async () => {
    const ada = person({ passwordHash: 'md5$salt$5f4dcc3b5aa765d61d8327deb882cf99' })
    const { taken, entries } = await moveInLines(app, [ada], { withoutPassword: true })
    assert.deepEqual([taken, entries[0]?.reason], [1, 'no-password'])
    assert.equal((await found(ada.email))?.passwordHash, null)
  })
})

describe('what is noted of those who are taken', () => {
  const person = (email: string, more: object = {}) => ({ id: id(), email, name: 'Ada', passwordHash: quick, ...more })

  it('two addresses of one mailbox', async () => {
    const unique = randomBytes(5).toString('hex')
    const { entries, taken } = await moveInLines(app, [
      person(`ada${unique}@gmail.com`),
      person(`a.da${unique}+course@googlemail.com`),
      person(`ada${unique}@example.org`),
      person(`ada${unique}+x@example.org`),
      person(`a.da${unique}@example.org`),
    ])
    assert.equal(taken, 5)
    assert.deepEqual(
      entries.map(({ place, reason, detail }) => [place, reason, detail]),
      [
        ['line 2', 'same-mailbox', 'line 1'],
        ['line 4', 'same-mailbox', 'line 3'],
      ],
    )
  })

  it('a name that cannot be shown: it becomes the first part of the address', async () => {
    const email = address('carl')
    for (const name of [undefined, '', '\u200b', 'a\u0007b', 'a'.repeat(101), 7]) {
      const { entries } = await moveInLines(app, [person(email, { name })], { dryRun: true })
      assert.deepEqual(entries, [{ place: 'line 1', outcome: 'noted', reason: 'no-name' }])
    }
    await moveInLines(app, [person(email, { name: null, image: 'javascript:alert(1)' })])
    const carl = await found(email)
    assert.deepEqual([carl?.name, carl?.image], [email.split('@')[0], null])
  })
})

describe('a run', () => {
  const people = (count: number) =>
    Array.from({ length: count }, () => ({ id: id(), email: address(), name: 'Ada', passwordHash: quick }))
  const counts = ({ read, taken, already, leftOut }: Awaited<ReturnType<typeof moveInLines>>) => [
    read,
    taken,
    already,
    leftOut,
  ]
  const hereOf = async (lines: { id: string }[]) =>
    (await app.sql`select id from users where id = any(${lines.map((line) => line.id)}::text[])`).length

  it('that is dry changes nothing and says the same', async () => {
    const lines = [...people(700), 'nonsense']
    const dry = await moveInLines(app, lines, { dryRun: true })
    assert.deepEqual(counts(dry), [701, 700, 0, 1])
    assert.equal(await hereOf(lines.slice(0, -1) as { id: string }[]), 0)
    assert.deepEqual(await moveInLines(app, lines), dry)
  })

  it('can be given again, and goes on where it broke off', async () => {
    const lines = people(1_200)
    assert.deepEqual(counts(await moveInLines(app, lines.slice(0, 700))), [700, 700, 0, 0])
    assert.deepEqual(counts(await moveInLines(app, lines)), [1_200, 500, 700, 0])
    assert.deepEqual(counts(await moveInLines(app, lines)), [1_200, 0, 1_200, 0])
    assert.equal(await hereOf(lines), 1_200)
  })

  it('without ids knows people by their address, and two at once do not double anybody', async () => {
    const lines = people(900).map(({ id: _, ...person }) => person)
    const reports = await Promise.all([moveInLines(app, lines), moveInLines(app, lines)])
    assert.equal(
      reports.reduce((sum, { taken }) => sum + taken, 0),
      900,
    )
    assert.deepEqual(counts(await moveInLines(app, lines)), [900, 0, 900, 0])
  })
})

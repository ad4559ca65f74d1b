/** The rules of docs/architecture.md that a machine can check. */
import assert from 'node:assert/strict'
import { dirname } from 'node:path'
import { describe, it } from 'node:test'
import { drawHouse } from './support/house.ts'
import { codeOf, filesIn, importsOfSource, ROOMS, type Room, read, roomOf } from './support/imports.ts'
import { STATEMENT, templatesIn } from './support/templates.ts'

/** The five rules: what each room may import beside itself. Types may come from anywhere. */
const BELOW = ['base', 'config', 'database'] as const
const DOMAIN = ['limits', 'mail', 'sessions', 'learning', 'tokens', 'accounts'] as const
const MAY_IMPORT: Record<Room, readonly Room[]> = {
  // 1.
  base: [],
  config: [],
  database: ['base', 'config'],
  // 2.
  limits: BELOW,
  mail: BELOW,
  sessions: BELOW,
  telemetry: BELOW,
  learning: BELOW,
  // 3.
  tokens: [...BELOW, 'sessions'],
  accounts: [...BELOW, 'sessions', 'limits', 'mail'],
  moving: [...BELOW, 'learning', 'accounts'],
  // 4.
  'web/session': [...BELOW, ...DOMAIN],
  'web/middleware': [...BELOW, ...DOMAIN, 'web/session'],
  'web/presenters': [...BELOW, ...DOMAIN, 'web/session', 'web/middleware'],
  'web/pages': [...BELOW, ...DOMAIN, 'web/session', 'web/middleware', 'web/presenters'],
  'web/api': [...BELOW, ...DOMAIN, 'web/session', 'web/middleware'],
  // 5.
  cli: [...BELOW, ...DOMAIN, 'moving'],
}
// 5. The files at the root import anything, and nothing imports them but a command, which begins with the parts of a server.
const OF_COMMANDS = ['deps.ts', 'clearing.ts']

/** Pages and endpoints stand side by side: none imports another. `api.ts` puts the endpoints together. */
const SIDE_BY_SIDE = ['web/pages/', 'web/api/endpoints/']

function mayImport({ from, to }: { from: string; to: string }): boolean {
  const [room, target] = [roomOf(from), roomOf(to)]
  if (room === 'root') return true
  if (room === 'cli' && OF_COMMANDS.includes(to)) return true
  if (room === undefined || target === undefined || target === 'root') return false
  if (SIDE_BY_SIDE.some((folder) => from.startsWith(folder) && to.startsWith(folder))) return false
  return room === target || MAY_IMPORT[room].includes(target)
}

const imports = importsOfSource()

describe('the rooms of the house', () => {
  const files = filesIn('src', '.ts').map((file) => file.slice('src/'.length))

  it('hold every file', () => {
    assert.deepEqual(
      files.filter((file) => roomOf(file) === undefined),
      [],
    )
    assert.deepEqual(
      ROOMS.filter((room) => !files.some((file) => roomOf(file) === room)),
      [],
    )
  })

  it('import by the five rules', () => {
    const breaches = imports.filter((one) => !one.typeOnly && !mayImport(one))
    assert.deepEqual(breaches, [])
  })

  it('but commands take only the type of `Deps` from the root', () => {
    const breaches = imports.filter(
      ({ from, to }) => roomOf(to) === 'root' && !['root', 'cli'].includes(roomOf(from) ?? ''),
    )
    assert.deepEqual(
      breaches.filter(({ to, typeOnly }) => to !== 'deps.ts' || !typeOnly),
      [],
    )
  })

  it('have no more than 16 files in a folder', () => {
    const folders = [...new Set(files.map((file) => dirname(file)))]
    const crowded = folders.filter((folder) => files.filter((file) => dirname(file) === folder).length > 16)
    assert.deepEqual(crowded, [])
  })

  it('are seen by this test', () => {
    assert.ok(imports.length > 300, `${imports.length} found`)
    assert.ok(imports.some(({ from, to }) => from === 'app.ts' && to === 'web/pages/login/login.ts'))
  })

  it('has no circle', () => {
    const targets = (file: string) =>
      imports.filter(({ from, typeOnly }) => from === file && !typeOnly).map(({ to }) => to)
    const walk = (file: string, path: string[]): void => {
      assert.ok(!path.includes(file), `circle: ${[...path, file].join(' -> ')}`)
      for (const target of targets(file)) walk(target, [...path, file])
    }
    for (const start of ['server.ts', 'cli.ts']) walk(start, [])
  })
})

/** Where something may appear and nowhere else in `src`. */
const ONLY_IN: [what: string, pattern: RegExp, files: RegExp][] = [
  ['the environment is read', /process\.env/, /^src\/config\/config\.ts$/],
  ['a transaction is opened', /\.(begin|reserve)\(/, /^src\/database\/owner\.ts$/],
  [
    'SQL is written',
    /\b(sql|fragment|transaction)(<[^`]*>)?`/,
    /^src\/((accounts|database|learning|limits|mail|moving|sessions|telemetry|tokens)\/|web\/session\/store\.ts)/,
  ],
  [
    'identity is put into a session',
    /session\.(userId|loggedInAt|remembered) = |Object\.assign\(req\.session/,
    /^src\/web\/session\/identity\.ts$/,
  ],
  ['bcrypt is called', /from 'bcrypt'/, /^src\/accounts\/passwords\/(password-hashing|hashing-thread)\.ts$/],
  ['tokens are signed and checked', /from 'jose'/, /^src\/tokens\/(access-tokens|signing-keys)\.ts$/],
  ['Express is known', /from 'express/, /^src\/(app\.ts|web\/)/],
  ['mail is sent', /from 'nodemailer'/, /^src\/mail\/transport\.ts$/],
  ['postgres.js is called', /from 'postgres'/, /^src\/database\/(database|connections|owner|embedded\/server)\.ts$/],
]

describe('one place only', () => {
  for (const [what, pattern, allowed] of ONLY_IN) {
    it(`is where ${what}`, () => {
      const places = filesIn('src', '.ts').filter((file) => pattern.test(codeOf(file)))
      assert.ok(places.length > 0, 'the pattern finds what it guards')
      assert.deepEqual(
        places.filter((file) => !allowed.test(file)),
        [],
      )
    })
  }
})

describe('docs/architecture.md', () => {
  const page = read('docs/architecture.md')
  const nameOf = (file: string) => file.split('/').at(-1) ?? ''

  // Pages and endpoints are named by their addresses.
  it('names every file of the source but the pages and endpoints, and none that is not there', () => {
    const named = new Set([...page.matchAll(/[\w.-]+\.ts\b/g)].map(([name]) => name))
    const there = new Set([...filesIn('src', '.ts'), ...filesIn('test', '.ts')].map(nameOf))
    assert.deepEqual(
      filesIn('src', '.ts').filter((file) => !/web\/(pages|api\/endpoints)\//.test(file) && !named.has(nameOf(file))),
      [],
    )
    assert.deepEqual(
      [...named].filter((name) => !there.has(name)),
      [],
    )
  })
})

describe('the pictures of the house', () => {
  for (const scheme of ['light', 'dark'] as const) {
    it(`are drawn from the imports as they are: ${scheme}. If not, run npm run draw`, () => {
      assert.equal(read(`docs/house-${scheme}.svg`), drawHouse(scheme))
    })
  }
})

describe('the code', () => {
  it('has no synchronous hashing, no file beyond 210 lines, and no drawer for odds and ends', () => {
    for (const file of filesIn('src', '.ts')) {
      // The thread that hashes does nothing else.
      if (!/\/(hashing-thread|foreign-check)\.ts$/.test(file)) {
        assert.doesNotMatch(codeOf(file), /\b(hashSync|compareSync|genSaltSync|pbkdf2Sync|scryptSync)\b/, file)
      }
      assert.ok(read(file).split('\n').length <= 211, `${file} is too long`)
      assert.doesNotMatch(file, /(utils?|helpers?|common|manager|types|misc)\.ts$/, file)
    }
  })

  it('never turns the verification of a certificate off', () => {
    for (const file of filesIn('src', '.ts'))
      assert.doesNotMatch(codeOf(file), /rejectUnauthorized|NODE_TLS_REJECT/, file)
  })

  it('prints raw text in templates only for layouts and partials', () => {
    for (const file of filesIn('views', '.eta')) {
      for (const [, raw = ''] of read(file).matchAll(/<%~\s*([\s\S]*?)\s*%>/g)) {
        assert.match(raw, /^(it\.body$|include\()/, `${file}: ${raw}`)
      }
    }
  })

  it('quotes every attribute in templates', () => {
    for (const file of filesIn('views', '.eta')) assert.doesNotMatch(read(file), /=<%=/, file)
  })

  it('keeps addresses of registries out of the lockfile', () => {
    assert.doesNotMatch(read('package-lock.json'), /"resolved"/)
  })

  it('has a lockfile that names the packages of every system, without which `npm ci` refuses', () => {
    const { packages }: { packages: Record<string, { optionalDependencies?: Record<string, string> }> } = JSON.parse(
      read('package-lock.json'),
    )
    const wanted = Object.values(packages).flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies))
    assert.ok(wanted.length > 20, `${wanted.length} found`)
    assert.deepEqual(
      wanted.filter((name) => packages[`node_modules/${name}`] === undefined),
      [],
    )
  })
})

describe('a statement that adds a row to somebody', () => {
  const statements = filesIn('src', '.ts').flatMap((file) =>
    templatesIn(codeOf(file), STATEMENT).map(({ text }) => ({ file, text })),
  )
  const adding = statements.filter(({ text }) =>
    /insert into (activity|email_tokens|profiles|progress|sessions)\b|\b(noted|linked)\(/.test(text),
  )

  it('locks their row of `users` first, so that a deletion comes before it or after it', () => {
    assert.ok(adding.length > 10, `${adding.length} found`)
    const locking =
      /for (no key update|key share|share|update)\b|insert into users\b|update (all_)?users set (password_hash|email_verified|suspended_at|second_step)|\b(lockedUser|usedLink|usedCode|withStrangeDevices|leavingBy|found)\(/
    assert.deepEqual(
      adding.filter(({ text }) => !locking.test(text)),
      [],
    )
  })
})

it('only deletion, its undo, the change of an address, moving in and operators see accounts that are gone', () => {
  assert.deepEqual(
    filesIn('src', '.ts').filter((file) => /\ball_users\b/.test(codeOf(file))),
    [
      'src/accounts/account-deletion.ts',
      'src/accounts/email-change.ts',
      'src/accounts/links/deletion-undo.ts',
      'src/accounts/links/email-links.ts',
      'src/accounts/links/holder.ts',
      'src/accounts/links/not-me.ts',
      'src/accounts/passwords/pepper-use.ts',
      'src/accounts/support/support-accounts.ts',
      'src/accounts/support/user-search.ts',
      'src/accounts/suspension.ts',
      'src/moving/rows.ts',
    ],
  )
})

describe('what several statements share', () => {
  const SAID_ONCE = [
    'insert into activity',
    'insert into outbox',
    'insert into audit',
    'insert into email_tokens',
    'u.email_verified, u.image',
  ]

  for (const text of SAID_ONCE) {
    it(`is written once: ${text}`, () => {
      const places = filesIn('src', '.ts').flatMap((file) =>
        codeOf(file)
          .split(text)
          .slice(1)
          .map(() => file),
      )
      assert.equal(places.length, 1, places.join(', '))
    })
  }
})

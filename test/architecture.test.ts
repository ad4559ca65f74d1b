/** The rules of docs/architecture.md that a machine can check. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, it } from 'node:test'
import { ROOT } from '../src/config.ts'

const filesIn = (folder: string, ending: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending))
    .map((file) => join(folder, file).replaceAll('\\', '/'))

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

/** Comments tell of what they guard against, so they are no use of it. */
const codeOf = (file: string): string =>
  read(file)
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '')

/** From which files to which. The first row that fits a file counts; a type may be taken from anywhere. */
const MAY_IMPORT: [from: RegExp, to: RegExp][] = [
  [
    /^server\.ts$/,
    /^(app|deps|config|migrate|dev-database|log|outages|unavailable|accounts\/[\w-]+|web\/unreadable)\.ts$/,
  ],
  [/^cli\.ts$/, /^(deps|config|dev-database|log|accounts\/[\w-]+|learning\/funnel)\.ts$/],
  [/^app\.ts$/, /^web\//],
  [/^web\/api\/api\.ts$/, /^web\/([\w-]+|api\/[\w-]+)\.ts$/],
  [/^web\/api\//, /^(web\/[\w-]+|accounts\/[\w-]+|learning\/[\w-]+|log)\.ts$/],
  [/^web\/pages\//, /^(web\/[\w-]+|accounts\/[\w-]+|learning\/[\w-]+|migrate|unavailable)\.ts$/],
  [/^web\/[\w-]+\.ts$/, /^(web\/[\w-]+|accounts\/[\w-]+|learning\/[\w-]+|config|log|unavailable|learner-gone)\.ts$/],
  [/^learning\//, /^(learning\/|learner-gone\.ts$)/],
  [/^accounts\/(accounts|by-mail|judging|own-account)\.ts$/, /^(accounts\/[\w-]+|log|unavailable|learner-gone)\.ts$/],
  [/^accounts\/fields\.ts$/, /^accounts\/common-passwords\.ts$/],
  [/^accounts\/access-tokens\.ts$/, /^accounts\/ids\.ts$/],
  [/^accounts\/refresh-tokens\.ts$/, /^accounts\/sessions\.ts$/],
  [/^accounts\/outbox\.ts$/, /^accounts\/(ids|sealing)\.ts$/],
  [/^accounts\/email-tokens\.ts$/, /^accounts\/ids\.ts$/],
  [/^accounts\/(issued|used)-links\.ts$/, /^(accounts\/email-tokens|learner-gone)\.ts$/],
  [/^accounts\/key-ring\.ts$/, /^accounts\/(held-keys|sealing|signing-keys)\.ts$/],
  [/^accounts\/held-keys\.ts$/, /^accounts\/sealing\.ts$/],
  [/^accounts\//, /^(unavailable|learner-gone)\.ts$/],
  [/^deps\.ts$/, /^(config|db|log|mail|accounts\/(passwords|rate-limits|key-ring|access-tokens))\.ts$/],
  [/^config\.ts$/, /^(secrets|environment-values)\.ts$/],
  [/^mail\.ts$/, /^accounts\/outbox\.ts$/],
  [/^migrate\.ts$/, /^(config|db)\.ts$/],
  [/^db\.ts$/, /^(connections|environment-values|outages|unavailable|text-arrays)\.ts$/],
  [/^connections\.ts$/, /^(sockets|unavailable)\.ts$/],
  [/^outages\.ts$/, /^unavailable\.ts$/],
  [/^dev-database\.ts$/, /^dev-database-(lock|port|runner)\.ts$/],
  [/./, /^$/],
]

type Import = { from: string; to: string; typeOnly: boolean }

const imports: Import[] = filesIn('src', '.ts').flatMap((file) =>
  [...codeOf(file).matchAll(/(?:^|\n)(import|export) (type )?([^'"]*?from )?'(\.[^']+)'|import\('(\.[^']+)'\)/g)].map(
    ([, , type, names, statically, dynamically]) => ({
      from: file.slice('src/'.length),
      to: normalize(join(dirname(file), statically ?? dynamically ?? ''))
        .replaceAll('\\', '/')
        .slice('src/'.length),
      typeOnly: type !== undefined || /^\{( *type \w+( as \w+)?,?)+ *\} from $/.test(names ?? ''),
    }),
  ),
)

describe('the import table', () => {
  it('is followed by every import of a value', () => {
    const breaches = imports.filter(({ from, to, typeOnly }) => {
      const [, allowed] = MAY_IMPORT.find(([files]) => files.test(from)) ?? []
      return !typeOnly && !allowed?.test(to)
    })
    assert.deepEqual(breaches, [])
  })

  it('sees the imports there are', () => {
    assert.ok(imports.length > 80, `${imports.length} found`)
    assert.ok(imports.some(({ from, to }) => from === 'app.ts' && to === 'web/pages/login.ts'))
  })

  it('has no circle', () => {
    const targets = (file: string) =>
      imports.filter(({ from, typeOnly }) => from === file && !typeOnly).map(({ to }) => to)
    const walk = (file: string, path: string[]): void => {
      assert.ok(!path.includes(file), `circle: ${[...path, file].join(' -> ')}`)
      for (const target of targets(file)) walk(target, [...path, file])
    }
    for (const start of ['server.ts', 'migrate.ts', 'cli.ts']) walk(start, [])
  })
})

/** Where something may appear and nowhere else in `src`. */
const ONLY_IN: [what: string, pattern: RegExp, files: RegExp][] = [
  ['the environment is read', /process\.env/, /^src\/config\.ts$/],
  ['a transaction is opened', /\.(begin|reserve)\(/, /^src\/migrate\.ts$/],
  ['SQL is written', /\b(sql|transaction)(<[^`]*>)?`/, /^src\/(accounts\/|learning\/|migrate\.ts|web\/session\.ts)/],
  [
    'identity is put into a session',
    /session\.(userId|loggedInAt|remembered) = |Object\.assign\(req\.session/,
    /^src\/web\/auth\.ts$/,
  ],
  ['bcrypt is called', /from 'bcrypt'/, /^src\/accounts\/passwords\.ts$/],
  ['tokens are signed and checked', /from 'jose'/, /^src\/accounts\/(access-tokens|signing-keys)\.ts$/],
  ['Express is known', /from 'express/, /^src\/(app\.ts|web\/)/],
  ['mail is sent', /from 'nodemailer'/, /^src\/mail\.ts$/],
  ['postgres.js is called', /from 'postgres'/, /^src\/(db|connections|migrate|dev-database)\.ts$/],
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
      filesIn('src', '.ts').filter((file) => !/web\/(pages|api)\//.test(file) && !named.has(nameOf(file))),
      [],
    )
    assert.deepEqual(
      [...named].filter((name) => !there.has(name)),
      [],
    )
  })
})

describe('the code', () => {
  it('has no synchronous hashing, no file beyond 220 lines, and no drawer for odds and ends', () => {
    for (const file of filesIn('src', '.ts')) {
      assert.doesNotMatch(codeOf(file), /\b(hashSync|compareSync|genSaltSync|pbkdf2Sync|scryptSync)\b/, file)
      assert.ok(read(file).split('\n').length <= 220, `${file} is too long`)
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
    [...codeOf(file).matchAll(/\bsql(?:<[^`]*>)?`([^`]*)`/g)].map(([, text = '']) => ({ file, text })),
  )
  const adding = statements.filter(({ text }) =>
    /insert into (activity|email_tokens|profiles|progress|sessions)\b/.test(text),
  )

  it('holds their row of `users` first, so that a deletion comes before it or after it', () => {
    assert.ok(adding.length > 10, `${adding.length} found`)
    const holding = /for (no key update|key share|share)\b|insert into users\b|update users set password_hash/
    assert.deepEqual(
      adding.filter(({ text }) => !holding.test(text)),
      [],
    )
  })
})

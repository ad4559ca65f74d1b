/** A wrong setting stops the start. All of them are reported at once, and no secret is shown. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { loadConfig } from '../../src/config/config.ts'
import { databaseUrlOf } from '../../src/config/database-url.ts'
import { DATA_DIRECTORY, ROOT } from '../../src/config/folders.ts'
import { ConfigError, type Problem } from '../../src/config/problems.ts'
import { VARIABLES } from '../../src/config/settings.ts'
import { startProgram } from '../support/process.ts'

const SECRET = 'Yf3-8kQz_2mWvR7pLx9TnB4cJd6HsG1a'
const PRODUCTION = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgres://learn:pw@db.example.org/learn',
  APP_SECRETS: SECRET,
  PUBLIC_URL: 'https://learn.example.org',
  TRUST_PROXY: '1',
}

/** The error that names one thing and nothing else. */
const refusing = (text: string) => (error: unknown) => {
  assert.ok(error instanceof ConfigError)
  assert.deepEqual(
    error.problems.map(({ variable, expected }) => `${variable} ${expected}`),
    [text],
  )
  return true
}

function problemsOf(environment: Record<string, string>): readonly Problem[] {
  try {
    loadConfig({
      APP_SECRETS: SECRET,
      TRUST_PROXY: '1',
      MAIL_FROM: 'no-reply@example.org',
      SECURITY_CONTACT: 'security@example.org',
      ...environment,
    })
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    return error.problems
  }
  return []
}

/** Of these, no more than the shape of a value is shown. */
const SECRET_ONES = ['APP_SECRETS', 'SERVICE_KEY']

const WRONG: Record<string, string[]> = {
  NODE_ENV: ['prod', 'Production', 'staging'],
  HOST: ['not a host', 'host/path', 'a;b'],
  PORT: ['-1', '65536', '3000.5', '0x10', 'abc', '1e3', '99999999999'],
  WEB_CONCURRENCY: ['0', '-1', '201', '1.5', 'auto'],
  PUBLIC_URL: [
    'courses.test',
    'ftp://learn.example.org',
    'https://learn.example.org/path',
    'https://learn.example.org/?a=b',
    'https://learn.example.org/#a',
    'https://user@learn.example.org',
    'javascript:alert(1)',
  ],
  DATABASE_URL: [
    'localhost/db',
    'mysql://user:pw@host/db',
    'http://host/db',
    'db',
    'postgres://u:p%ZZ@host/db',
    'postgres://u:p@host:0/db',
    'postgres://u:p@host:70000/db',
    'postgres://u:p@one,,two/db',
    'postgres://u:p@one,two,/db',
    'postgres://u:p@one:5432,two:none/db',
    'postgres://u:p@one:5432,two:70000/db',
    'postgres://u:p@/db?host=one,two&port=1,2,3',
    'postgres://u:p@/db?host=one,&port=1',
    'postgres://u:p@one,two/db?target_session_attrs=prefer-standby',
    'postgres://u:p@one/db?target_session_attrs=standby',
    'postgres://u:p@one,two/db?target_session_attrs=read-only',
  ],
  DATABASE_URL_UNPOOLED: ['localhost/db', 'mysql://user:pw@host/db'],
  DB_POOL_MAX: ['0', '101', '-5', 'many', '5.5'],
  APP_SECRETS: [
    'short',
    'a'.repeat(64),
    'ababababababababababababababababab',
    `${SECRET},short`,
    `${SECRET},`,
    `,${SECRET}`,
    SECRET.slice(1),
  ],
  TRUST_PROXY: ['true', 'yes', '-1', '6', 'loopback', '127.0.0.1'],
  ALLOWED_HOSTS: [
    'https://www.example.org',
    'www.example.org:443',
    'www.example.org/',
    '*.example.org',
    '*',
    'www.example.org,',
    'www example org',
    'user@example.org',
    '2001:db8::7',
    '[2001:db8::1]:443',
    '[not-an-address]',
    'www.example.org:99999',
  ],
  TRUSTED_ORIGINS: [
    'app.example.org',
    'https://app.example.org/',
    'https://app.example.org/app',
    'https://App.example.org',
    'https://app.example.org:443',
    'https://*.example.org',
    'ftp://app.example.org',
    'null',
    'https://app.example.org,',
  ],
  KEY_ROTATION_DAYS: ['0', '366', 'never'],
  DELETION_GRACE_DAYS: ['-1', '91', '1.5', 'a week'],
  SERVICE_KEY: ['short', 'a'.repeat(40)],
  BCRYPT_COST: ['3', '9', '15', '31', '32', 'abc', '12.5', '1e1', ' 12'],
  PASSWORD_MIN_LENGTH: ['7', '0', '65', 'long'],
  BREACHED_PASSWORDS_URL: [
    'passwords.example.org/range',
    'http://api.pwnedpasswords.com/range',
    'http://127.0.0.1.example.org/range',
    'http://localhost@example.org/range',
    'ftp://api.pwnedpasswords.com/range',
    'https://user:pw@passwords.example.org/range',
    'https://passwords.example.org/range?key=abcdefgh',
    'https://passwords.example.org/range?',
    'https://passwords.example.org/range#a',
  ],
  LOG_LEVEL: ['verbose', 'INFO', 'trace!'],
  LOG_FORMAT: ['text', 'JSON', 'ecs '],
  METRICS_PORT: ['metrics', '-1', '65536'],
  METRICS_HOST: ['http://127.0.0.1', '0.0.0.0/8'],
  METRICS_TOKEN: ['short', 'a'.repeat(40)],
  OTEL_EXPORTER_OTLP_ENDPOINT: ['collector:4318', 'grpc://collector:4317', 'yes'],
  LESSON_BASE_URL: ['lessons', 'ftp://course.example.org', 'javascript:alert(1)'],
  SMTP_URL: [
    'smtp.learn.test',
    'smtp.learn.test:587',
    'https://smtp.learn.test',
    'smtp:',
    'smtps:///',
    'smtp://user:100%@smtp.learn.test',
    'direct://smtp.learn.test',
  ],
  MAIL_FROM: [
    'no-reply',
    'no-reply@',
    'a@b@c',
    'Matricula <no-reply@example.org>',
    'no-reply@example.org, other@example.org',
  ],
  // Any text can be a folder. Whether it may be set at all depends on other settings.
  MAIL_DIRECTORY: [],
  SUPPORT_EMAIL: ['help', 'help@', 'a@b@c'],
  SECURITY_CONTACT: [
    'security',
    'security@',
    'mailto:',
    'mailto:security@example.org?subject=Fault',
    'security@example.org,',
    'http://example.org/report',
    'https://user:pw@example.org/report',
    'https://:pw@example.org/report',
    'javascript:alert(1)',
    'security@example.org\nExpires: 2999-01-01T00:00:00Z',
    'tel:none',
  ],
  SECURITY_POLICY: ['example.org/security', 'http://example.org/security', 'https://user:pw@example.org/security'],
}

describe('an address of a database with several hosts', () => {
  const READ: Record<string, [hosts: string, target: string]> = {
    'postgres://u:p@h/d': ['h:5432', 'any'],
    'postgres://u:p@h/d?target_session_attrs=read-write': ['h:5432', 'read-write'],
    'postgres://u:p@h1:5432,h2:5432,h3:5433/d?target_session_attrs=primary': ['h1:5432 h2:5432 h3:5433', 'primary'],
    'postgresql://u:p@h1,h2:5433/d': ['h1:5432 h2:5433', 'read-write'],
    'postgres://u:p@[2001:db8::1],[::1]:5433/d?target_session_attrs=any': ['2001:db8::1:5432 ::1:5433', 'any'],
    'postgres://u:p,a@h1,h2/d': ['h1:5432 h2:5432', 'read-write'],
    'postgres://u:p@/d?host=h1,h2&port=5433': ['h1:5433 h2:5433', 'read-write'],
    'postgres://u:p@/d?host=h1,/run/postgresql&port=,5433': ['h1:5432 /run/postgresql:5433', 'read-write'],
  }
  for (const [text, [hosts, target]] of Object.entries(READ)) {
    it(`${text} is read as libpq reads it`, () => {
      const read = databaseUrlOf(text)
      assert.equal(read.addresses.map(({ host, port }) => `${host}:${port}`).join(' '), hosts)
      assert.equal(read.target, target)
      assert.equal(read.url.username, 'u')
      assert.deepEqual(problemsOf({ DATABASE_URL: text, DATABASE_URL_UNPOOLED: text }), [])
    })
  }

  const SAID: Record<string, RegExp> = {
    'postgres://u:p@h1,,h2/d': /a host, or a host and a port from 1 to 65535, between any two commas/,
    'postgres://u:p@/d?host=h1,h2&port=1,2,3': /one port for all hosts, or as many as hosts/,
    'postgres://u:p@h1,h2/d?target_session_attrs=prefer-standby':
      /^must have read-write, primary or any as its target_session_attrs, since Matricula writes$/,
  }
  for (const [text, words] of Object.entries(SAID)) {
    it(`${text} is refused with what is wrong`, () =>
      assert.match(problemsOf({ DATABASE_URL: text })[0]?.expected ?? '', words))
  }
})

describe('[P14] a wrong value is refused', () => {
  it('and every variable is in this table', () => {
    assert.deepEqual(Object.keys(WRONG).sort(), [...VARIABLES].sort())
  })

  for (const [name, values] of Object.entries(WRONG)) {
    for (const value of values) {
      it(`${name}=${value}`, () => {
        const problems = problemsOf({ [name]: value })
        assert.equal(problems.length, 1)
        const [{ variable, expected, found, example } = assert.fail()] = problems
        assert.equal(variable, name)
        assert.match(expected, /^must (be|have) /)
        assert.notEqual(found, '')
        assert.ok(example.startsWith(`${name}=`))
        if (SECRET_ONES.includes(name)) assert.equal(value.length < 8 || !found.includes(value), true)
      })
    }
  }
})

describe('a right value is taken', () => {
  for (const [name, value, read] of [
    ['PORT', '0', ({ port }) => port === 0],
    ['PORT', '', ({ port }) => port === 3000],
    ['PORT', '  ', ({ port }) => port === 3000],
    ['BCRYPT_COST', '10', ({ bcryptCost }) => bcryptCost === 10],
    ['BCRYPT_COST', '14', ({ bcryptCost }) => bcryptCost === 14],
    ['BCRYPT_COST', '', ({ bcryptCost }) => bcryptCost === 12],
    ['TRUST_PROXY', '1', ({ trustProxy }) => trustProxy === 1],
    ['TRUST_PROXY', '', ({ trustProxy }) => trustProxy === 0],
    [
      'PUBLIC_URL',
      'https://learn.example.org',
      ({ publicOrigin, secureCookies }) => publicOrigin !== undefined && secureCookies,
    ],
    ['PUBLIC_URL', 'https://learn.example.org/', ({ publicOrigin }) => publicOrigin === 'https://learn.example.org'],
    ['PUBLIC_URL', 'http://localhost:3000', ({ secureCookies }) => !secureCookies],
    [
      'DATABASE_URL',
      'postgresql://u:p@h/d?sslmode=require',
      ({ databaseUrl }) => databaseUrl?.endsWith('require') === true,
    ],
    ['DATABASE_URL_UNPOOLED', 'postgres://u:p@h/d', ({ migrationUrl }) => migrationUrl === 'postgres://u:p@h/d'],
    [
      'SMTP_URL',
      'smtps://user%40example.org:p%25w@mail.example.org:465',
      ({ mail }) => mail?.smtp === 'smtps://user%40example.org:p%25w@mail.example.org:465',
    ],
    ['SMTP_URL', 'smtp://127.0.0.1:2525', ({ mail }) => mail?.directory === undefined],
    [
      'BREACHED_PASSWORDS_URL',
      'https://api.pwnedpasswords.com/range/',
      ({ breachedPasswordsUrl }) => breachedPasswordsUrl === 'https://api.pwnedpasswords.com/range',
    ],
    [
      'BREACHED_PASSWORDS_URL',
      'http://[::1]:8000',
      ({ breachedPasswordsUrl }) => breachedPasswordsUrl === 'http://[::1]:8000',
    ],
    ['BREACHED_PASSWORDS_URL', '', ({ breachedPasswordsUrl }) => breachedPasswordsUrl === undefined],
    ['ALLOWED_HOSTS', 'www.example.org, [2001:DB8:0::1]', ({ ownHosts }) => ownHosts === undefined],
    ['MAIL_FROM', 'hello@learn.example.org', ({ mail }) => mail?.from === 'hello@learn.example.org'],
    ['MAIL_DIRECTORY', '/srv/mails', ({ mail }) => mail?.directory === '/srv/mails'],
    ['MAIL_DIRECTORY', '', ({ mail }) => mail?.directory === join(DATA_DIRECTORY, 'outbox')],
    [
      'SECURITY_CONTACT',
      'security@example.org, mailto:other@example.org,https://example.org/report',
      ({ security }) =>
        security?.contacts.join(' ') ===
        'mailto:security@example.org mailto:other@example.org https://example.org/report',
    ],
    ['SECURITY_CONTACT', '', ({ security }) => security === undefined],
    ['APP_SECRETS', `${SECRET}, ${SECRET}b`, ({ keys }) => keys('cookie').length === 2],
  ] as [string, string, (config: ReturnType<typeof loadConfig>) => boolean][]) {
    it(`${name}=${value}`, () => {
      assert.equal(
        read(loadConfig({ APP_SECRETS: SECRET, TRUST_PROXY: '1', MAIL_FROM: 'no-reply@example.org', [name]: value })),
        true,
      )
    })
  }
})

describe('several processes', () => {
  const sharesOf = (WEB_CONCURRENCY: string, DB_POOL_MAX: string) => {
    const { poolMax, hashesAtOnce } = loadConfig({ APP_SECRETS: SECRET, WEB_CONCURRENCY, DB_POOL_MAX })
    return { poolMax, hashesAtOnce }
  }

  it('share the connections to the database and the cores for hashing', () => {
    const cores = availableParallelism()
    assert.deepEqual(sharesOf('1', '10'), { poolMax: 10, hashesAtOnce: cores })
    assert.deepEqual(sharesOf('1', '1'), { poolMax: 1, hashesAtOnce: cores })
    assert.deepEqual(sharesOf('2', '21'), { poolMax: 10, hashesAtOnce: Math.max(1, Math.floor(cores / 2)) })
  })

  it('have two connections and one thread each at least', () => {
    assert.deepEqual(sharesOf('200', '10'), {
      poolMax: 2,
      hashesAtOnce: Math.max(1, Math.floor(availableParallelism() / 200)),
    })
  })
})

describe('in production', () => {
  it('a complete configuration is taken', () => {
    const config = loadConfig(PRODUCTION)
    assert.equal(config.production && config.secureCookies, true)
    assert.equal(config.host, '0.0.0.0')
  })

  it('the server answers to the name of PUBLIC_URL and to those that are listed, in one spelling', () => {
    const namesOf = (environment: Record<string, string>) => [
      ...(loadConfig({ ...PRODUCTION, ...environment }).ownHosts ?? []),
    ]
    assert.deepEqual(namesOf({}), ['learn.example.org'])
    assert.deepEqual(namesOf({ ALLOWED_HOSTS: 'WWW.example.org, [2001:DB8:0::1],app_1, learn.example.org.' }), [
      'learn.example.org',
      'www.example.org',
      '[2001:db8::1]',
      'app_1',
    ])
  })

  for (const name of ['DATABASE_URL', 'APP_SECRETS', 'PUBLIC_URL'] as const) {
    it(`[P18] nothing falls open: ${name} is required`, () => {
      for (const value of [undefined, '', '   ']) {
        assert.throws(() => loadConfig({ ...PRODUCTION, [name]: value }), refusing(`${name} is required in production`))
      }
    })
  }

  it('https without a proxy that speaks it is refused, since it would redirect for ever', () => {
    for (const none of [undefined, '', '0']) {
      assert.throws(
        () => loadConfig({ ...PRODUCTION, TRUST_PROXY: none }),
        refusing('TRUST_PROXY must be the number of proxies in front, 1 or more, when PUBLIC_URL is https'),
      )
    }
  })

  it('a public address without TLS is refused, except on this very machine', () => {
    assert.throws(
      () => loadConfig({ ...PRODUCTION, PUBLIC_URL: 'http://learn.example.org' }),
      refusing('PUBLIC_URL must start with https:// in production'),
    )
    for (const host of ['localhost', '127.0.0.1:3000', '[::1]:3000']) {
      assert.equal(loadConfig({ ...PRODUCTION, PUBLIC_URL: `http://${host}` }).secureCookies, false)
    }
  })
})

describe('the metrics', () => {
  const at = (given: Record<string, string>) => loadConfig({ APP_SECRETS: SECRET, ...given }).metrics

  it('are not there unless somebody has asked for them, and then for this machine only', () => {
    assert.equal(at({}), undefined)
    assert.deepEqual(at({ METRICS_PORT: '9464' }), { port: 9464, host: '127.0.0.1', token: undefined })
  })

  it('are not shown to other machines without a token', () => {
    for (const host of ['0.0.0.0', '::', '10.0.0.1', 'metrics.internal']) {
      const given = { METRICS_PORT: '9464', METRICS_HOST: host }
      assert.throws(
        () => at(given),
        refusing('METRICS_TOKEN is required when METRICS_HOST is not this machine: everybody could read the metrics'),
      )
      assert.equal(at({ ...given, METRICS_TOKEN: SECRET })?.host, host)
    }
    for (const host of ['127.0.0.1', '::1', 'localhost']) {
      assert.equal(at({ METRICS_PORT: '9464', METRICS_HOST: host })?.host, host)
    }
  })
})

describe('mail', () => {
  const problems = (environment: Record<string, string>) => () => loadConfig({ ...PRODUCTION, ...environment })
  const smtp = { SMTP_URL: 'smtps://user:pw@mail.example.org', MAIL_FROM: 'no-reply@example.org' }

  it('is off in production and in tests until it is set', () => {
    assert.equal(loadConfig(PRODUCTION).mail, undefined)
    assert.equal(loadConfig({ ...PRODUCTION, MAIL_FROM: smtp.MAIL_FROM }).mail, undefined)
    assert.equal(loadConfig({ NODE_ENV: 'test', APP_SECRETS: SECRET }).mail, undefined)
    assert.deepEqual(loadConfig({ ...PRODUCTION, ...smtp }).mail, { from: smtp.MAIL_FROM, smtp: smtp.SMTP_URL })
  })

  it('by SMTP needs an address that it comes from', () => {
    for (const none of ['', '  ']) {
      assert.throws(problems({ ...smtp, MAIL_FROM: none }), refusing('MAIL_FROM is required with SMTP_URL'))
    }
    assert.throws(
      () => loadConfig({ APP_SECRETS: SECRET, SMTP_URL: smtp.SMTP_URL }),
      refusing('MAIL_FROM is required with SMTP_URL'),
    )
  })

  it('comes from one address, without a header behind it', () => {
    for (const MAIL_FROM of [
      'no-reply@example.org\r\nBcc: other@example.org',
      'a@example.org\n',
      'a@example.org,b@example.org',
    ]) {
      assert.throws(problems({ ...smtp, MAIL_FROM }), refusing('MAIL_FROM must be an email address'))
    }
  })

  it('never lies in files in production, not even beside SMTP', () => {
    for (const more of [{}, smtp]) {
      assert.throws(
        problems({ ...more, MAIL_DIRECTORY: '/srv/mails' }),
        refusing('MAIL_DIRECTORY is for development on this machine: everybody could read the links to accounts'),
      )
    }
  })

  it('nor where others can reach the server, should NODE_ENV be forgotten', () => {
    const forgotten = { APP_SECRETS: SECRET, TRUST_PROXY: '1', PUBLIC_URL: 'https://learn.example.org' }
    assert.equal(loadConfig(forgotten).mail, undefined)
    assert.throws(
      () => loadConfig({ ...forgotten, MAIL_DIRECTORY: '/srv/mails' }),
      refusing('MAIL_DIRECTORY is for development on this machine: everybody could read the links to accounts'),
    )
    for (const PUBLIC_URL of ['http://localhost:3000', 'http://127.0.0.1:3000', 'http://[::1]:3000']) {
      assert.equal(loadConfig({ APP_SECRETS: SECRET, PUBLIC_URL }).mail?.directory, join(DATA_DIRECTORY, 'outbox'))
    }
  })

  it('in development is sent when there is a way to send it, and lies in files otherwise', () => {
    const development = { NODE_ENV: 'development', APP_SECRETS: SECRET }
    assert.equal(loadConfig({ ...development, ...smtp }).mail?.directory, undefined)
    assert.equal(loadConfig(development).mail?.directory, join(DATA_DIRECTORY, 'outbox'))
    assert.equal(
      loadConfig({ NODE_ENV: 'test', APP_SECRETS: SECRET, MAIL_DIRECTORY: '/tmp/a' }).mail?.directory,
      '/tmp/a',
    )
  })
})

describe('the keys', () => {
  it('differ by purpose and by secret, and are the same after a restart', () => {
    const { keys } = loadConfig({ APP_SECRETS: `${SECRET},${SECRET}b` })
    const purposes = ['cookie', 'csrf', 'pepper', 'limits'] as const
    const all = purposes.flatMap((purpose) => keys(purpose).map((key) => key.toString('hex')))
    assert.equal(new Set(all).size, purposes.length * 2)
    assert.deepEqual(
      purposes.flatMap((purpose) =>
        loadConfig({ APP_SECRETS: `${SECRET},${SECRET}b` })
          .keys(purpose)
          .map((key) => key.toString('hex')),
      ),
      all,
    )
    assert.equal(
      all.some((key) => key.includes(Buffer.from(SECRET).toString('hex').slice(0, 12))),
      false,
    )
  })
})

describe('the server', () => {
  for (const program of [['dist/server.js'], ['dist/cli.js', 'migrate']]) {
    it(`[F24] ${program.join(' ')} names all wrong values at once, shows no secret, and does not start`, async () => {
      const wrong = {
        NODE_ENV: 'production',
        DATABASE_URL: 'mysql://learn:Hidden-pw-1@db.example.org/learn',
        APP_SECRETS: 'Hidden-secret-2',
        BCRYPT_COST: '3',
        PORT: 'abc',
        TRUST_PROXY: 'true',
      }
      const { ended, written } = startProgram(program, wrong)
      const { code } = await ended()
      assert.equal(code, 78)
      for (const name of ['DATABASE_URL', 'APP_SECRETS', 'BCRYPT_COST', 'PORT', 'TRUST_PROXY', 'PUBLIC_URL']) {
        assert.match(written.err, new RegExp(`^ {2}- ${name} (must be|is required)`, 'm'))
      }
      const all = written.err + written.out
      assert.equal(all.includes('Hidden'), false)
      assert.doesNotMatch(all, /^ +at /m)
    })
  }
})

describe('the documentation of the configuration', () => {
  it('.env.example lists exactly the variables that are read', () => {
    const lines = readFileSync(join(ROOT, '.env.example'), 'utf8').split('\n')
    const listed = lines.flatMap((line) => /^(?:# ?)?([A-Z][A-Z0-9_]*)=/.exec(line)?.[1] ?? [])
    assert.deepEqual(listed.toSorted(), VARIABLES.toSorted())
  })

  it('no file but src/config/config.ts reads the environment', () => {
    const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    const readers = files
      .filter((file) => file.endsWith('.ts'))
      .filter((file) => {
        const text = readFileSync(join(ROOT, 'src', file), 'utf8')
        return /\bprocess\s*\??\.\s*env\b|\bprocess\s*\[|\bimport\.meta\.env\b|\{[^}]*\benv\b[^}]*\}\s*(=\s*process\b|from\s+'(node:)?process')/.test(
          text,
        )
      })
    assert.deepEqual(readers, ['config/config.ts'])
  })
})

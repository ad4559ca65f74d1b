/** docs/api.md is right: its commands run, its answers are the real ones, its tables are complete. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { ROOT } from '../../../src/config/folders.ts'
import { QUESTIONS } from '../../../src/learning/questions.ts'
import { addServiceKey } from '../../../src/tokens/service-keys.ts'
import { nameOf, REFUSALS } from '../../../src/web/api/refusals.ts'
import { apiLearner } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import {
  blocksIn,
  codeIn,
  createReader,
  differences,
  type Example,
  examplesOf,
  fits,
  headAndBody,
  readPage,
  rowsOf,
  sectionOf,
  sectionsOf,
} from '../../support/page.ts'
import { curls, type Outcome, runInShell } from '../../support/shell.ts'

const SITE_SHOWN = 'http://localhost:3000'
const SERVICE_KEY = 'a-service-key-of-the-tests-0123456789'
type Schema = { properties?: Record<string, unknown> }
type Operation = {
  parameters: { name?: string }[]
  requestBody?: { content: Record<string, { schema: Schema }> }
  responses: Record<string, { description: string }>
}
/** Every mail becomes a file, as in development. */
const OUTBOX = mkdtempSync(join(tmpdir(), 'matricula-outbox-'))
after(() => rmSync(OUTBOX, { recursive: true, force: true }))
const app = await startApp(
  { TRUSTED_ORIGINS: 'https://app.example.org', SERVICE_KEY, MAIL_DIRECTORY: OUTBOX },
  { atPublicUrl: true },
)

const description: { paths: Record<string, Record<string, Operation>> } = await (
  await fetch(`${app.url}/api/openapi.json`)
).json()

const page = readPage('docs/api.md')
const examples = examplesOf(page)
const scripts = examples.map(({ script }) => script)
const NIGHTLY_KEY =
  (await addServiceKey(app.sql, { name: 'nightly', rights: ['profiles', 'deleted'], now: Date.now() })) ?? assert.fail()
const runs: { curl: string; outcomes: Outcome[] }[] = []
for (const curl of curls()) {
  runs.push({
    curl: curl.name,
    outcomes: await runInShell(scripts, curl, { SITE: app.url, SERVICE_KEY, NIGHTLY_KEY, OUTBOX }),
  })
}

function assertAsShown({ answer }: Example, { ended, output, errors }: Outcome, read: (json: string) => unknown) {
  assert.ok(ended, `a command failed: ${errors}${output}`)
  if (answer === undefined) return assert.equal(output, '')
  const shown = answer.text.replaceAll(SITE_SHOWN, app.url)
  if (answer.language === 'text') return assert.equal(output.trim(), shown)
  const wanted = answer.language === 'http' ? headAndBody(shown) : { status: '', headers: [], body: shown }
  const received = answer.language === 'http' ? headAndBody(output) : { status: '', headers: [], body: output }
  assert.equal(received.status, wanted.status)
  for (const [name, value] of wanted.headers) {
    const there = received.headers.filter(([other]) => other === name).map(([, text]) => text)
    assert.ok(
      there.some((text) => fits(value, text)),
      `${name} is not as shown: ${there.join(' and ')}`,
    )
  }
  if (wanted.body === '') return assert.equal(received.body, '')
  assert.deepEqual(differences(read(wanted.body), JSON.parse(received.body)), [])
}

for (const { curl, outcomes } of runs) {
  describe(`a person who pastes docs/api.md, with ${curl}`, () => {
    const read = createReader()
    for (const [at, example] of examples.entries()) {
      it(`gets the answer shown under "${example.heading}", command ${at + 1}`, () => {
        assertAsShown(example, outcomes[at] ?? assert.fail(), read)
      })
    }
  })
}

const operations = Object.entries(description.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    name: `${method.toUpperCase()} ${path}`,
    takes: [
      ...operation.parameters.flatMap(({ name }) => name ?? []),
      ...Object.values(operation.requestBody?.content ?? {}).flatMap(({ schema }) =>
        Object.keys(schema.properties ?? {}),
      ),
    ],
    refuses: Object.entries(operation.responses).flatMap(([status, { description }]) =>
      Number(status) < 400 ? [] : description.split(', ').map((code) => `${status} ${code}`),
    ),
  })),
)

/** For each code or text in backticks in a table's row: status and code, such as `400 BAD_REQUEST`. */
const refusalsIn = (rows: string[][]): string[] =>
  rows.flatMap(([statuses = '', codes = '']) => {
    const each = statuses.split(', ')
    return codeIn(codes).map((code, at) => `${each.length > 1 ? each[at] : each[0]} ${code}`)
  })

describe('docs/api.md', () => {
  const shared = refusalsIn(rowsOf(sectionOf(page, 'Before the first command')))

  it('gives every endpoint one of two statuses, and names none that is not there', () => {
    const rows = rowsOf(sectionOf(page, 'What is different from Better Auth')).filter(([first = '']) =>
      /^`(GET|POST|PUT) [^`]+`$/.test(first),
    )
    assert.deepEqual(
      rows.map(([name = '']) => name.replaceAll('`', '')).sort(),
      operations.map(({ name }) => name).sort(),
    )
    for (const [name, status = ''] of rows) {
      assert.match(status, /^(as Better Auth|ours)$/, name)
    }
  })

  it('has a section for every endpoint, and none more', () => {
    const headings = sectionsOf(page).flatMap(({ heading }) => heading.match(/^`((GET|POST|PUT) .*)`$/)?.[1] ?? [])
    assert.deepEqual(headings.sort(), operations.map(({ name }) => name).sort())
  })

  for (const { name, takes, refuses } of operations) {
    it(`names all that ${name} takes and refuses, and nothing else`, () => {
      const text = sectionOf(page, `\`${name}\``)
      const named = codeIn(text)
      for (const field of takes) assert.ok(named.includes(field) || name.includes(`{${field}}`), field)
      const ofItsOwn = refusalsIn(rowsOf(text).filter(([status = '']) => /^\d{3}$/.test(status)))
      assert.deepEqual(ofItsOwn.sort(), refuses.filter((refusal) => !shared.includes(refusal)).sort())
    })
  }

  it('names the options of each answer, in their order', () => {
    const shown = rowsOf(sectionOf(page, '`PUT /api/profile`')).map((cells) => cells.flatMap(codeIn))
    const taken = QUESTIONS.map(({ name, kind, options }) => {
      const values = options.map(({ value }) => value)
      return [name, ...values, ...(kind === 'one' ? ['null'] : [])]
    })
    assert.deepEqual(shown, [...taken, ['projectGoalsText', 'null']])
  })

  it('has every refusal in its table, under its status and its name on the wire', () => {
    const known = Object.entries(REFUSALS).map(([code, [status, message]]) => {
      return `${status} ${nameOf(code as keyof typeof REFUSALS) ?? message}`
    })
    assert.deepEqual(refusalsIn(rowsOf(sectionOf(page, 'When something is refused'))).sort(), known.sort())
  })

  it('shows limits as they are', async () => {
    const shown = rowsOf(sectionOf(page, 'Limits')).map(([, limit = '']) => Number.parseInt(limit, 10))
    const policies = [
      'loginByAddress',
      'loginByKnownDevice',
      'failuresByAddress',
      'loginByNetwork',
      'accountsByAddress',
      'signUpByAddress',
      'signUpByNetwork',
      'confirmByUser',
      'secondStepByUser',
      'secondStepByUserDaily',
      'confirmStepByUser',
      'switchOnsByUser',
      'passkeysByUser',
      'refreshFamiliesBySession',
      'mailsByAddress',
      'mailsByNetwork',
      'unusedCodesByAddress',
      'wrongCodesByNetwork',
      'passkeysByNetwork',
      'emailChangesByUser',
      'unknownLinksByNetwork',
    ] as const
    const counts = await Promise.all(policies.map((policy) => app.deps.rateLimits.count(policy, 'nobody of this page')))
    assert.deepEqual(
      shown,
      counts.map((count) => (count.ok ? count.left + 1 : 0)),
    )
  })

  it('names the claims of an access token', () => {
    const at = examples.findIndex(({ heading }) => heading === '`GET /api/auth/token`')
    const { token }: { token: string } = JSON.parse(runs[0]?.outcomes[at]?.output ?? assert.fail())
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
    const named = rowsOf(sectionOf(page, '`GET /api/auth/token`')).flatMap(([names = '']) => codeIn(names))
    assert.deepEqual(named.sort(), Object.keys(claims).sort())
  })

  it('says truly what is not here', async () => {
    const [, sentence = ''] = /^Not here, .*?:([\s\S]*?)\n\n/m.exec(page) ?? []
    const paths = codeIn(sentence)
    assert.ok(paths.length > 5, `${paths.length} paths`)
    for (const path of paths) {
      for (const method of ['GET', 'POST']) {
        const answer = await fetch(`${app.url}/api/auth${path}`, { method })
        assert.deepEqual([answer.status, await answer.text()], [404, ''], `${method} ${path}`)
      }
    }
  })
})

describe('the lines for a front end', () => {
  const folder = mkdtempSync(join(tmpdir(), 'matricula-lines-'))
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('sign a person in with the stock client', async () => {
    const { person } = await apiLearner(app, 'Grace')
    const lines = blocksIn(page, 'js', "Point Better Auth's client here").join('\n')
    const { email, password } = person
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
    const file = join(folder, 'lines.mjs')
    writeFileSync(
      file,
      `const { email, password } = ${JSON.stringify({ email, password })}
      ${lines.replace('https://learn.example.org', app.url)}
      export { session, jwt }`,
    )
    const { session, jwt } = await inBrowser(() => import(pathToFileURL(file).href))
    assert.equal(session.user.email, email)
    assert.equal(session.session.userId, session.user.id)
    assert.match(jwt.token, /^[\w-]+\.[\w-]+\.[\w-]+$/)
  })

  /**
   * Runs `job` with a fetch that adds what a browser adds: the page's origin, and cookies where credentials are
   * included.
   */
  async function inBrowser<Result>(job: () => Promise<Result>): Promise<Result> {
    const { fetch } = globalThis
    const cookies = new Map<string, string>()
    globalThis.fetch = async (input, init) => {
      const request = new Request(input, init)
      request.headers.set('Origin', app.url)
      if (init?.credentials === 'include') request.headers.set('Cookie', [...cookies.values()].join('; '))
      const answer = await fetch(request)
      for (const line of answer.headers.getSetCookie()) cookies.set(line.replace(/=.*/, ''), line.replace(/;.*/, ''))
      return answer
    }
    try {
      return await job()
    } finally {
      globalThis.fetch = fetch
    }
  }
})

/** The anchor that GitHub makes for a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-')

describe('the pages of the documentation', () => {
  const files = [
    ...['README.md', 'SECURITY.md'],
    ...readdirSync(join(ROOT, 'docs'))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`),
  ]

  for (const file of files) {
    it(`lead from ${file} to files and headings that are there`, () => {
      for (const [, link = ''] of readPage(file).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(link)) continue
        const [path = '', anchor] = link.split('#')
        const target = path === '' ? file : join(dirname(file), path)
        assert.ok(existsSync(join(ROOT, target)), `${link} leads nowhere`)
        if (anchor === undefined) continue
        const anchors = sectionsOf(readPage(target)).map(({ heading }) => anchorOf(heading))
        assert.ok(anchors.includes(anchor), `${link}: no such heading`)
      }
    })
  }
})

/** docs/python.md is right: its code is the code that is tested, and its token is one that Matricula would make. */
import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { calculateJwkThumbprint } from 'jose'
import { ROOT } from '../../src/config/folders.ts'
import { freePort } from '../../src/database/embedded/port.ts'
import { READER_SQL } from '../../src/database/reader.ts'
import { ACCESS_TOKEN_SECONDS } from '../../src/tokens/access-tokens.ts'
import { PUBLISHED_AFTER_MS, PUBLISHED_BEFORE_MS } from '../../src/tokens/signing-keys.ts'
import { apiLearner } from '../support/api.ts'
import { BEHIND_TLS, startApp } from '../support/app.ts'
import { EXAMPLES } from '../support/backend.ts'
import { OUR_PACKAGE, pythonPath, runPython } from '../support/python.ts'
import { curls, runInShell } from '../support/shell.ts'
import { decode, keysOf, MINUTE } from '../support/tokens.ts'

const SITE = 'https://learn.example.org'
const page = readFileSync(join(ROOT, 'docs/python.md'), 'utf8')
const sourceOf = (name: string): string => readFileSync(join(EXAMPLES, name), 'utf8')

/** All fenced code blocks, by the name after the language. */
const blocks = new Map(
  [...page.matchAll(/^```\w+ (\S+)\n([\s\S]*?)^```$/gm)].map(([, name = '', text = '']) => [name, text]),
)
const block = (name: string): string => blocks.get(name) ?? assert.fail(`no block named ${name}`)

/** Parts that no reader needs. */
const ONLY_OF_TESTS = ['moved_clock.py', 'with_notes.py']
const INIT = join(OUR_PACKAGE, 'src/matricula_auth/__init__.py')

const app = await startApp({}, { atPublicUrl: true })
const { api } = await apiLearner(app, 'Ada')
const real = await api.token()

describe('the page on Python', () => {
  const files = readdirSync(EXAMPLES).filter((name) => /\.py$/.test(name) && !ONLY_OF_TESTS.includes(name))
  for (const name of files) {
    it(`shows ${name} as it is tested`, () => {
      assert.equal(block(name), sourceOf(name))
    })
  }

  it('shows how a backend gets its role as it is tested', () => {
    assert.equal(block('reader.sql'), READER_SQL)
  })

  it('has no other code than that and what is run below or in examples.test.ts', () => {
    const scripts = ['install', 'backend', 'call', 'logout', 'migrate', 'plain.py']
    const known = [...files, 'reader.sql', ...scripts, 'token', 'header', 'claims', 'key']
    assert.deepEqual([...blocks.keys()].toSorted(), known.toSorted())
  })

  it('names the settings that the code reads', () => {
    const sources = [EXAMPLES, join(OUR_PACKAGE, 'src/matricula_auth')].flatMap((folder) =>
      readdirSync(folder).flatMap((name) => (name.endsWith('.py') ? readFileSync(join(folder, name), 'utf8') : [])),
    )
    const read = sources.flatMap((code) =>
      [...code.matchAll(/(?:\bsetting|environ\.get)\(["'](\w+)["']\)/g)].map(([, variable = '']) => variable),
    )
    const named = [...page.matchAll(/^\| `([A-Z_]{6,})`/gm)].map(([, variable]) => variable)
    assert.deepEqual(named.toSorted(), [...new Set(read)].toSorted())
  })

  it('names the times that Matricula keeps', () => {
    const rows = [...page.matchAll(/^\|.*$/gm)].map(([row]) => row).join('\n')
    assert.match(rows, new RegExp(`\`exp\`.* ${ACCESS_TOKEN_SECONDS} seconds: ${ACCESS_TOKEN_SECONDS / 60} minutes`))
    assert.match(rows, new RegExp(`\\| ${PUBLISHED_BEFORE_MS / MINUTE} minutes later it signs`))
    assert.match(rows, new RegExp(`the old key stays ${PUBLISHED_AFTER_MS / MINUTE} minutes more`))
  })

  it('leads to places that exist', () => {
    const headings = [...page.matchAll(/^## (.+)$/gm)].map(([, title = '']) => slugOf(title))
    for (const [, target = ''] of page.matchAll(/\]\(#([^)]+)\)/g)) assert.ok(headings.includes(target), target)
    for (const [, file = '', anchor] of page.matchAll(/\]\((?!http)([\w./-]+)(?:#([\w-]+))?\)/g)) {
      const path = join(ROOT, 'docs', file)
      if (anchor === undefined) readdirSync(path)
      else {
        const titles = [...readFileSync(path, 'utf8').matchAll(/^##+ (.+)$/gm)].map(([, title = '']) => slugOf(title))
        assert.ok(titles.includes(anchor), `${file}#${anchor}`)
      }
    }
  })

  it('shows a token in its parts, signed by the key beside it', async () => {
    const token = block('token').trimEnd()
    const { header, claims } = decode(token)
    assert.deepEqual(header, JSON.parse(block('header')))
    assert.deepEqual(claims, JSON.parse(block('claims')))
    const key = JSON.parse(block('key'))
    assert.equal(header.kid, key.kid)
    assert.equal(await calculateJwkThumbprint(key), key.kid)
    const [head, body, signature = ''] = token.split('.')
    const publicKey = createPublicKey({ key, format: 'jwk' })
    const signedText = Buffer.from(`${head}.${body}`)
    assert.equal(verify(null, signedText, publicKey, Buffer.from(signature, 'base64url')), true)
  })

  it('shows a token of the kind that Matricula makes', async () => {
    const [shown, made] = [decode(block('token')), decode(real)]
    assert.deepEqual(shapeOf(shown.header), shapeOf(made.header))
    assert.deepEqual(shapeOf(shown.claims), shapeOf(made.claims))
    assert.equal(shown.claims.exp - shown.claims.iat, ACCESS_TOKEN_SECONDS)
    assert.deepEqual([shown.claims.iss, shown.claims.aud, shown.claims.sub], [SITE, SITE, shown.claims.id])
    const [key = assert.fail('no key')] = await keysOf(app)
    assert.deepEqual(shapeOf(JSON.parse(block('key'))), shapeOf(key))
    const described = [...page.matchAll(/^\| ((?:`\w+`(?:, )?)+) +\| /gm)]
      .flatMap(([, cell = '']) => [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name))
      .filter((name) => name in made.claims)
    assert.deepEqual(described.toSorted(), Object.keys(made.claims).toSorted())
  })

  it('has a way to the keys past the proxy that ends TLS', async () => {
    const behindTls = await startApp(BEHIND_TLS)
    const [, call = assert.fail('no such call')] =
      /`(Verifier\("https:\/\/learn\.example\.org", address="http:\/\/matricula\.internal.*?\))`/.exec(page) ?? []
    const script = `from matricula_auth import Verifier\nprint(${call
      .replace('http://matricula.internal:3000', behindTls.url)
      .replace(SITE, 'https://localhost')}.verification.keys._load(None).value.__len__())`
    assert.equal(await runPython(script), '1')
    await assert.rejects(runPython(script.replace('"https"', '"http"')), /Unreachable/)
  })
})

describe('the first two minutes', () => {
  for (const [index, curl] of curls().entries()) {
    it(`end with an answer that knows who calls, with ${curl.name}`, async () => {
      const here = await startApp({}, { atPublicUrl: true })
      const port = await freePort()
      // Installing is the same with each curl.
      const names = [...(index === 0 ? ['install'] : []), 'backend', 'call', 'logout']
      const written = names.map((name) =>
        block(name)
          .replaceAll('http://localhost:3000', here.url)
          .replaceAll('http://localhost:8000', `http://127.0.0.1:${port}`)
          .replace('--port 8000', `--port ${port}`),
      )
      const path = [dirname(pythonPath()), curl.path].join(delimiter)
      const scripts = [`trap 'kill $!' EXIT\nln -s '${ROOT}' ../matricula`, ...written]
      const outcomes = await runInShell(scripts, { ...curl, path }, index === 0 ? await withoutNetwork() : {})
      for (const { ended, errors } of outcomes) assert.equal(ended, true, errors)
      const outputOf = (name: string) => outcomes[names.indexOf(name) + 1]?.output ?? ''
      assert.match(outputOf('call'), /"name":"Ada"/)
      assert.match(outputOf('call'), /"scopes":\[\]/)
      assert.match(outputOf('logout'), /"detail":"Not signed in, or no longer"/)
    })
  }

  it('name the package that this is', async () => {
    assert.equal(await runPython('import matricula_auth; print(matricula_auth.__file__)'), INIT)
  })
})

/** What the packages require is there already, so that pip asks nobody. What it installs is ours alone. */
async function withoutNetwork(): Promise<Record<string, string>> {
  const packages = await runPython('import sysconfig; print(sysconfig.get_path("purelib"))')
  return { PYTHONPATH: packages, PIP_NO_INDEX: '1', PIP_NO_BUILD_ISOLATION: '0', PIP_DISABLE_PIP_VERSION_CHECK: '1' }
}

describe('an example whose settings are missing', () => {
  it('ends with the name of the one to set, and no trace', async () => {
    const settings = ['MATRICULA_URL', 'LEARNERS_DATABASE_URL', 'COURSE_DATABASE_URL']
    for (const missing of settings) {
      const given = settings
        .filter((name) => name !== missing)
        .map((name) => `os.environ["${name}"] = "postgres://x/y"`)
      const script = `import os, sys\n${given.join('\n')}\nsys.path.insert(0, sys.argv[1])\nimport with_notes`
      const run = runPython(script, EXAMPLES)
      await assert.rejects(run, (error: Error & { stderr: string }) => {
        assert.match(error.stderr, new RegExp(`^Set ${missing}: docs/python.md says to what`))
        return true
      })
    }
  })
})

describe('the lines of the README', () => {
  it('tell who a token speaks of', async () => {
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
    const [, code = assert.fail('no Python there')] = /^```python\n([\s\S]*?)^```$/m.exec(readme) ?? []
    const script = `${code.replace(SITE, app.url)}\nimport sys\nprint(name_of(sys.argv[1]))`
    assert.equal(await runPython(script, real), 'Ada')
    await assert.rejects(runPython(script, `${real}x`), /BadToken/)
  })
})

const slugOf = (title: string): string =>
  title
    .toLowerCase()
    .replace(/[^\w\s-]/g, '')
    .replace(/\s/g, '-')

/** The names in order, each with the type of its value. */
const shapeOf = (object: object): string[] =>
  Object.entries(object).map(([name, value]) => `${name}: ${value === null ? 'null' : typeof value}`)

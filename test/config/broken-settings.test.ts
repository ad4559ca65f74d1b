/** Each way to break the settings, with the real server: it ends and says variable, expectation, what was found, an example. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { NEWEST_SCHEMA } from '../../src/database/migrate.ts'
import { SECRET } from '../support/app.ts'
import { BROKEN, GOOD } from '../support/broken-settings.ts'
import { createDatabase, createEmptyDatabase } from '../support/database.ts'
import { HIDDEN } from '../support/keys-cli.ts'
import { startProgram } from '../support/process.ts'

async function start(program: string[], settings: Record<string, string>) {
  const { ended, written } = startProgram(program, settings)
  const { code } = await ended()
  const all = written.out + written.err
  assert.ok(!all.includes(HIDDEN), all)
  assert.ok(!all.includes(SECRET), all)
  assert.doesNotMatch(all, /^ +at /m)
  return { code, err: written.err, out: written.out }
}

describe('the server, with one thing broken in its settings', { concurrency: 2 }, () => {
  it('can be broken in more than twenty ways', () => {
    assert.ok(BROKEN.length > 20)
    assert.equal(new Set(BROKEN.map(({ what }) => what)).size, BROKEN.length)
  })

  for (const { what, settings, says } of BROKEN) {
    it(`[P14, P18, F24] ${what}: says so, and ends with 78`, async () => {
      const { code, err } = await start(['dist/server.js'], { ...GOOD, ...settings })
      assert.equal(code, 78)
      const [variable, expected, found, example] = says
      const [, name, toldExpected = '', toldFound = '', toldExample = '', ...more] =
        /^Matricula cannot start, the configuration is wrong:\n {2}- (\w+) (.*)\n {6}found {4}(.*)\n {6}example {2}(.*)\n$/.exec(
          err,
        ) ?? assert.fail(err)
      assert.deepEqual([name, more], [variable, []])
      assert.match(toldExpected, expected)
      assert.match(toldFound, found)
      assert.match(toldExample, example)
    })
  }
})

describe('doctor', { concurrency: 2 }, () => {
  it('says all of them at once, each with what to do, and ends with 78', async () => {
    const first = BROKEN.filter(
      ({ says: [variable] }, index) =>
        variable !== 'NODE_ENV' && BROKEN.findIndex(({ says: [other] }) => other === variable) === index,
    )
    const all = Object.assign({}, ...first.map(({ settings }) => settings))
    const { code, out, err } = await start(['dist/cli.js', 'doctor'], { ...GOOD, ...all })
    assert.deepEqual([code, err], [78, ''])
    assert.ok(first.length >= 9)
    for (const { says } of first)
      assert.match(out, new RegExp(`^wrong  settings   ${says[0]} .* Found: .*\\n +-> ${says[0]}=`, 'm'))
    assert.doesNotMatch(out, /^(ok|look|off)/m)
  })

  for (const { what, settings, says } of BROKEN.filter((_, index) => index % 5 === 0)) {
    it(`is red as well: ${what}`, async () => {
      const { code, out } = await start(['dist/cli.js', 'doctor', '--json'], { ...GOOD, ...settings })
      assert.equal(code, 78)
      const { findings } = JSON.parse(out)
      assert.deepEqual([findings.length, findings[0].state], [1, 'wrong'])
      assert.ok(findings[0].says.startsWith(`${says[0]} `))
      assert.match(findings[0].todo, says[3])
    })
  }
})

describe('the server, with settings that are well-formed and do not fit', { concurrency: 2 }, () => {
  const SETTINGS = { NODE_ENV: 'test', APP_SECRETS: SECRET, PORT: '0' }
  const changed = async (change: Partial<URL>) => Object.assign(new URL(await createDatabase()), change).href
  const ROWS: [what: string, settings: () => Promise<Record<string, string>>, says: RegExp][] = [
    [
      'an address of another machine to listen on',
      async () => ({ DATABASE_URL: await createDatabase(), HOST: '192.0.2.1' }),
      /^HOST must be an address of this machine\n +found {4}"192\.0\.2\.1"\n +example {2}HOST=127\.0\.0\.1$/m,
    ],
    [
      'a wrong password of the database',
      async () => ({ DATABASE_URL: await changed({ password: HIDDEN }) }),
      /^The database of DATABASE_URL refused: password authentication failed .* Expected: user and password .*postgres:\/\/user:/m,
    ],
    [
      'a database that is not there',
      async () => ({ DATABASE_URL: await changed({ pathname: '/nowhere' }) }),
      /^The database of DATABASE_URL refused: database "nowhere" does not exist\. Expected: the name of a database/m,
    ],
    [
      'a database without tables',
      async () => ({ DATABASE_URL: await createEmptyDatabase() }),
      new RegExp(`version 0, this program needs ${NEWEST_SCHEMA}\\. Run: node dist/cli\\.js migrate`),
    ],
  ]
  for (const [what, settingsOf, says] of ROWS) {
    it(`${what}: says so, and ends with 1`, async () => {
      const { code, err } = await start(['dist/server.js'], { ...SETTINGS, ...(await settingsOf()) })
      assert.equal(code, 1)
      assert.match(err, says)
    })
  }
})

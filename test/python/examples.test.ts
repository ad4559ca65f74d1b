/** The examples of docs/python.md beside the large one: each runs as it stands there. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { after, describe, it } from 'node:test'
import { promisify } from 'node:util'
import postgres from 'postgres'
import { ROOT } from '../../src/config/folders.ts'
import { freePort } from '../../src/database/embedded/port.ts'
import { addServiceKey } from '../../src/tokens/service-keys.ts'
import { apiLearner } from '../support/api.ts'
import { startApp } from '../support/app.ts'
import { EXAMPLES, startBackend, startServer } from '../support/backend.ts'
import { createDatabase } from '../support/database.ts'
import { openMailbox } from '../support/mailbox.ts'
import { PASSWORD } from '../support/people.ts'
import { pythonPath, runPython } from '../support/python.ts'
import { decode } from '../support/tokens.ts'

const page = readFileSync(join(ROOT, 'docs/python.md'), 'utf8')
const block = (name: string): string =>
  new RegExp(`^\`\`\`\\w+ ${name}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(page)?.[1] ?? assert.fail(`no block named ${name}`)

// With mail, so that a deletion has days of grace.
const app = await startApp({}, { atPublicUrl: true, mailbox: await openMailbox() })
const settings = { MATRICULA_URL: app.url }
const { api } = await apiLearner(app, 'Ada')
const token = await api.token()
const { sub } = decode(token).claims

/** A folder with the examples, as somebody has them who copied them from the page. */
function copied(): string {
  const folder = mkdtempSync(join(tmpdir(), 'matricula-examples-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  cpSync(EXAMPLES, folder, { recursive: true })
  const [, first = assert.fail('no first.py')] = /<<'END'\n([\s\S]*?)^END$/m.exec(block('backend')) ?? []
  writeFileSync(join(folder, 'first.py'), first)
  return folder
}

/** Runs a program of the environment in a folder. Fails with what it has written. */
async function run(
  folder: string,
  [file = '', ...args]: string[],
  environment: Record<string, string>,
): Promise<string> {
  const path = [dirname(pythonPath()), process.env.PATH].join(delimiter)
  const env = { HOME: folder, PYTHONDONTWRITEBYTECODE: '1', ...environment, PATH: path }
  try {
    return (await promisify(execFile)(file, args, { cwd: folder, env })).stdout
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    return assert.fail(`${stdout ?? error}\n${stderr}`)
  }
}

describe('ten lines with', { concurrency: true }, () => {
  const SERVERS: Record<string, (port: number) => string[]> = {
    Flask: (port) => ['flask', '--app', 'flask_app', 'run', '--port', String(port)],
    Django: (port) => ['django', 'runserver', String(port), '--settings', 'django_app', '--noreload'],
    'Django REST framework': (port) => [
      'django',
      'runserver',
      String(port),
      '--settings',
      'django_rest_settings',
      '--noreload',
    ],
  }
  for (const [name, commandAt] of Object.entries(SERVERS)) {
    it(`${name} tell who calls, and refuse the others`, async () => {
      const backend = await startServer(commandAt(await freePort()), settings)
      const { status, body } = await backend.get('/me', token)
      assert.deepEqual([status, body], [200, { sub, name: 'Ada' }])
      const nobody = await backend.send('GET', '/me')
      assert.deepEqual([nobody.status, nobody.headers.get('www-authenticate')], [401, 'Bearer realm="Matricula"'])
      const damaged = await backend.get('/me', `${token}x`)
      assert.deepEqual([damaged.status, damaged.body], [401, { detail: 'Not signed in, or no longer' }])
      assert.match(damaged.headers.get('www-authenticate') ?? '', /error="invalid_token"/)
    })
  }

  it('a WebSocket greet who calls, and hang up on the others', async () => {
    const backend = await startBackend(settings, 'live:app')
    const script = `
import sys
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
url, token = sys.argv[1:]
with connect(url):
    pass  # leaves without a word
gone = connect(url)
gone.send("garbage")
gone.socket.close()
with connect(url, subprotocols=["bearer", token]) as socket:
    print(socket.subprotocol, socket.recv())
    socket.send("so it is")
    print(socket.recv())
for first in (token, "garbage"):
    with connect(url) as socket:
        socket.send(first)
        try:
            print(socket.recv())
        except ConnectionClosed as closed:
            print(closed.rcvd.code)`
    const said = await runPython(script, `${backend.url.replace('http', 'ws')}/live`, token)
    assert.equal(said, 'bearer Hello, Ada\nSO IT IS\nHello, Ada\n4401')
    assert.doesNotMatch(backend.log(), /Traceback/)
  })

  it('no framework do the same', async () => {
    const code = block('plain\\.py').replaceAll('http://localhost:3000', app.url)
    const use = 'import asyncio, sys\nprint(who(sys.argv[1]), who("x"), asyncio.run(later.verify(sys.argv[1])).name)'
    assert.match(await runPython(`${code}\n${use}`, token), /^Ada 401 \{'WWW-Authenticate': .* Ada$/)
  })
})

describe('the tests of a backend', { concurrency: true }, () => {
  it('need no Matricula', async () => {
    assert.match(await run(copied(), ['python', '-m', 'pytest', '--quiet', 'test_first.py'], {}), /1 passed/)
  })

  it('may start a real one', async () => {
    const environment = { MATRICULA_HOME: ROOT, MATRICULA_DATABASE_URL: await createDatabase() }
    assert.match(
      await run(copied(), ['python', '-m', 'pytest', '--quiet', 'test_with_site.py'], environment),
      /1 passed/,
    )
  })
})

describe('tables of a backend in the same database', () => {
  it('are made and kept apart from ours, also by who could change ours, and go when the account is gone', async () => {
    const folder = copied()
    const sql = postgres(app.databaseUrl, { max: 1 })
    after(() => sql.end())
    const tables = () => sql<{ name: string }[]>`
      select table_schema || '.' || table_name as name from information_schema.tables
      where table_schema in ('public', 'course') order by 1`
    const before = await tables()

    // As the owner of all tables, so that nothing but the settings keeps Alembic away from ours.
    const environment = { ...settings, COURSE_DATABASE_URL: app.databaseUrl }
    const said = await run(folder, ['sh', '-eu', '-c', block('migrate')], environment)
    assert.match(said, /No new upgrade operations detected/)
    const [revision = ''] = (await run(folder, ['sh', '-c', 'cat migrations/versions/*.py'], {})).split('def downgrade')
    assert.equal(revision.match(/op\.create_table/g)?.length, 1)
    assert.doesNotMatch(revision, /op\.(drop|alter)/)
    const added = (await tables()).map(({ name }) => name).filter((name) => !before.some((row) => row.name === name))
    assert.deepEqual(added, ['course.alembic_version', 'course.note'])

    const backend = await startBackend(environment, 'with_notes:app')
    const asAda = { Authorization: `Bearer ${token}` }
    assert.equal((await backend.send('POST', '/notes?text=Hello', asAda)).status, 201)
    const ben = await apiLearner(app, 'Ben')
    const asBen = { Authorization: `Bearer ${await ben.api.token()}` }
    assert.equal((await backend.send('POST', '/notes?text=Mine', asBen)).status, 201)
    const notes = Object.values((await backend.send('GET', '/notes', asAda)).body) as {
      learner: string
      text: string
    }[]
    assert.deepEqual(
      notes.map(({ learner, text }) => [learner, text]),
      [[sub, 'Hello']],
    )

    // The nightly job, as Ada is in her days of grace, is gone for good, and was heard of before.
    const key = await addServiceKey(app.sql, { name: 'forget', rights: ['deleted'], now: app.deps.now() })
    const job = { ...environment, MATRICULA_SERVICE_KEY: key ?? '' }
    const forget = () => run(folder, ['python', 'forget.py'], job)
    const texts = async () => (await sql`select text from course.note order by id`).map(({ text }) => text)
    assert.equal(await forget(), '0\n')
    assert.equal((await api.post('/api/auth/delete-user', { password: PASSWORD })).status, 200)
    assert.equal(await forget(), '0\n')
    assert.deepEqual(await texts(), ['Hello', 'Mine'])
    await sql`delete from all_users where id = ${String(sub)}`
    // More than one answer holds, all of them long ago but Ada.
    await sql`insert into deleted_users select 'gone' || n, now() - interval '1 day' - n * interval '1 second' from generate_series(1, 1500) n`
    rmSync(join(folder, 'forgotten-until'))
    assert.equal(await forget(), '1501\n')
    assert.deepEqual(await texts(), ['Mine'])
    assert.equal(await forget(), '1\n', 'what is young comes again, and nothing else')
    const refused = { ...job, MATRICULA_SERVICE_KEY: 'none' }
    await assert.rejects(run(folder, ['python', 'forget.py'], refused), /HTTP Error 401/)
    assert.deepEqual(await texts(), ['Mine'])
  })
})

/** How `npm test` handles Python: it prepares an environment once, or skips the tests that need it and says why. */
import assert from 'node:assert/strict'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { eventually } from '../support/process.ts'
import { pythonEnvironment } from '../support/python.ts'

const FILES = ['test/pages/login.test.ts', 'test/python/learners.test.ts', 'test/python-like.test.ts']
const OTHERS = ['test/pages/login.test.ts', 'test/python-like.test.ts']
const GOOD = { minor: 11, complete: true, identity: 'one' }

type Habits = { probe?: string; pip?: string; python?: boolean }
const tells = (facts: object): string => `echo '${JSON.stringify(facts)}'`

/**
 * A machine with its own fake `python3` on its path, or with none. Asked for its facts, the fake runs `probe`; as pip
 * it runs `pip`. Every call is noted.
 */
function machine({ probe = tells(GOOD), pip = 'exit 0', python = true }: Habits) {
  const root = mkdtempSync(join(tmpdir(), 'matricula-python-'))
  after(() => rmSync(root, { recursive: true }))
  const [path, directory, notes] = [join(root, 'bin'), join(root, 'data'), join(root, 'notes')]
  mkdirSync(path)
  mkdirSync(directory)
  writeFileSync(notes, '')
  function install(pipDoes: string, probeDoes = probe) {
    writeFileSync(
      join(path, 'python3'),
      `#!/bin/sh
      PATH=/usr/bin:/bin
      echo "$2 $3" | head -n 1 >> '${notes}'
      case "$2 $3" in
        '-m venv') mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;;
        '-m pip') ${pipDoes} ;;
        *) ${probeDoes} ;;
      esac\n`,
    )
    chmodSync(join(path, 'python3'), 0o755)
  }
  if (python) install(pip)
  return {
    directory,
    install,
    prepare: (files = FILES, signal?: AbortSignal) =>
      pythonEnvironment(files, { directory, path, say: () => {}, ...(signal ? { signal } : {}) }),
    kept: () => readdirSync(directory),
    noted: (what: string) => readFileSync(notes, 'utf8').split(what).length - 1,
  }
}

describe('without a Python that serves', () => {
  const MACHINES: [what: string, habits: Habits, says: RegExp][] = [
    ['there is none', { python: false }, /there is no python3/],
    ['it does not run', { probe: 'exit 1' }, /there is no python3 that runs/],
    ['it says nothing of use', { probe: 'echo Python' }, /there is no python3 that runs/],
    ['it is too old', { probe: tells({ ...GOOD, minor: 9 }) }, /3\.10 or newer/],
    ['it has no venv', { probe: tells({ ...GOOD, complete: false }) }, /no venv/],
  ]
  for (const [what, habits, says] of MACHINES) {
    it(`because ${what}, its tests are left out and one line says why`, async () => {
      const { prepare, kept } = machine(habits)
      const { files, environment, missing = '' } = await prepare()
      assert.deepEqual(files, OTHERS)
      assert.deepEqual(environment, {})
      assert.match(missing, says)
      assert.match(missing, /^The tests with a Python backend are left out: .+\.$/)
      assert.deepEqual(kept(), [])
    })
  }
})

describe('with a Python', () => {
  it('nothing is prepared when no test needs it', async () => {
    const { prepare, noted } = machine({})
    assert.deepEqual(await prepare(OTHERS), { files: OTHERS, environment: {} })
    assert.equal(noted('-'), 0)
  })

  it('the packages are installed by the first run and found by the next', async () => {
    const { prepare, kept, noted, install, directory } = machine({})
    const first = await prepare()
    const [home = ''] = kept()
    assert.match(home, /^python-[0-9a-f]{16}$/)
    assert.deepEqual(first, { files: FILES, environment: { TEST_PYTHON: join(directory, home, 'bin', 'python') } })
    assert.deepEqual(await prepare(), first)
    assert.equal(noted('-m pip'), 1)

    install('exit 0', tells({ ...GOOD, identity: 'another' }))
    assert.notDeepEqual(await prepare(), first)
    assert.equal(noted('-m pip'), 2)
  })

  it('two runs at once end with one and the same', async () => {
    const { prepare, kept, noted } = machine({})
    const [one, two] = await Promise.all([prepare(), prepare()])
    assert.deepEqual(one, two)
    assert.equal(kept().length, 1)
    assert.equal(noted('-m pip'), 2)
  })

  it('packages that cannot be installed fail the tests, with what was said, until they can', async () => {
    const { prepare, kept, install } = machine({ pip: 'echo "No matching distribution" >&2; exit 1' })
    const { files, environment, missing } = await prepare()
    assert.deepEqual(files, FILES)
    assert.equal(missing, undefined)
    assert.deepEqual(Object.keys(environment), ['TEST_PYTHON_PROBLEM'])
    assert.match(environment.TEST_PYTHON_PROBLEM ?? '', /No matching distribution/)
    assert.deepEqual(kept(), [])

    install('exit 0')
    assert.deepEqual(Object.keys((await prepare()).environment), ['TEST_PYTHON'])
  })

  it('a run that is ended by hand leaves nothing half-made', async () => {
    const { prepare, kept, noted } = machine({ pip: 'exec sleep 60' })
    const stopped = new AbortController()
    const prepared = prepare(FILES, stopped.signal)
    await eventually('pip to start', () => noted('-m pip') === 1)
    stopped.abort()
    assert.deepEqual(Object.keys((await prepared).environment), ['TEST_PYTHON_PROBLEM'])
    assert.deepEqual(kept(), [])
  })

  it('what older runs have left is removed, and what a parallel run is making is not', async () => {
    const { prepare, kept, directory } = machine({})
    for (const name of ['python-old', 'python-old.draft', 'python-young.draft', 'postgres-18']) {
      mkdirSync(join(directory, name))
      const hoursAgo = new Date(Date.now() - (name.includes('young') ? 0 : 2 * 60 * 60_000))
      utimesSync(join(directory, name), hoursAgo, hoursAgo)
    }
    await prepare()
    assert.deepEqual(
      kept().filter((name) => !/^python-[0-9a-f]{16}$/.test(name)),
      ['postgres-18', 'python-young.draft'],
    )
  })
})

/**
 * A real Python with the packages of the example backend. Its environment is under `.data`: the first run makes it,
 * later runs reuse it.
 */
import { type ExecFileOptions, execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { DATA_DIRECTORY, ROOT } from '../../src/config/folders.ts'

/** The packages of the examples, then those that only tests need. */
const REQUIREMENTS = ['requirements.txt', 'requirements-tests.txt'].map((file) => join(ROOT, 'test/python', file))
/** Our own package. The environment holds a link to its sources, so only what it requires makes a new environment. */
export const OUR_PACKAGE = join(ROOT, 'docs/python')
const EXTRAS = 'fastapi,flask,django,testing'
export const OLDEST_MINOR = 10
const INSTALL_MS = 300_000
const LEFT_OVER_MS = 60 * 60_000

/** Debian and others ship Python without the modules that make an environment, so check for them. */
const PROBE = `
import json, sys
try:
    import ensurepip, venv
    complete = True
except ImportError:
    complete = False
print(json.dumps({"minor": sys.version_info[1] if sys.version_info[0] == 3 else 0, "complete": complete,
                  "identity": sys.version + sys.base_prefix}))`

const run = promisify(execFile)

const needsPython = (file: string): boolean => file.replaceAll('\\', '/').startsWith('test/python/')

/** The test files that can run, the environment variables they need, and one line on why others are left out. */
type PythonEnvironment = { files: string[]; environment: Record<string, string>; missing?: string }

/**
 * Makes the environment with the packages, unless no file needs it or an earlier run made it. If Python works but the
 * packages cannot be installed, the tests are not left out: each fails with the message of the installation.
 */
export async function pythonEnvironment(
  files: string[],
  {
    signal,
    directory = DATA_DIRECTORY,
    path = process.env.PATH,
    say = console.log,
  }: { signal?: AbortSignal; directory?: string; path?: string | undefined; say?: (line: string) => void } = {},
): Promise<PythonEnvironment> {
  if (!files.some(needsPython)) return { files, environment: {} }
  const options = { env: { ...process.env, PATH: path }, timeout: INSTALL_MS, ...(signal ? { signal } : {}) }
  const python = process.platform === 'win32' ? 'python' : 'python3'
  const missing = (why: string): PythonEnvironment => ({
    files: files.filter((file) => !needsPython(file)),
    environment: {},
    missing: `The tests with a Python backend are left out: ${why}.`,
  })
  const found = await probe(python, options)
  if (found === undefined) return missing(`there is no ${python} that runs`)
  if (found.minor < OLDEST_MINOR) return missing(`they need Python 3.${OLDEST_MINOR} or newer`)
  if (!found.complete) return missing(`this ${python} has no venv (on Debian: apt install python3-venv)`)

  const name = createHash('sha256')
    .update(
      JSON.stringify([
        ...[...REQUIREMENTS, join(OUR_PACKAGE, 'pyproject.toml')].map((file) => readFileSync(file, 'utf8')),
        EXTRAS,
        OUR_PACKAGE,
        found.identity,
        process.platform,
        process.arch,
      ]),
    )
    .digest('hex')
  const home = join(directory, `python-${name.slice(0, 16)}`)
  try {
    if (!existsSync(home)) {
      say('Installing the packages of the Python backend, once')
      await install(home, python, options)
    }
    return { files, environment: { TEST_PYTHON: programOf(home) } }
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error)
    return {
      files,
      environment: { TEST_PYTHON_PROBLEM: `The packages of the Python backend were not installed. ${said}` },
    }
  }
}

type Found = { minor: number; complete: boolean; identity: string }

/** What this Python is; undefined if it does not run. */
export async function probe(python: string, options: ExecFileOptions = {}): Promise<Found | undefined> {
  try {
    return JSON.parse(String((await run(python, ['-I', '-c', PROBE], options)).stdout))
  } catch {
    return undefined
  }
}

export const programOf = (home: string): string =>
  process.platform === 'win32' ? join(home, 'Scripts', 'python.exe') : join(home, 'bin', 'python')

/** Installs into a draft folder, then renames it: an interrupted run leaves nothing half-made; of two runs one wins. */
async function install(home: string, python: string, options: ExecFileOptions): Promise<void> {
  await mkdir(dirname(home), { recursive: true, mode: 0o700 })
  await removeLeftOvers(dirname(home))
  const draft = `${home}.${randomBytes(6).toString('hex')}`
  try {
    await run(python, ['-I', '-m', 'venv', draft], options)
    const pip = ['-I', '-m', 'pip', 'install', '--quiet', '--no-input', '--disable-pip-version-check']
    const wanted = REQUIREMENTS.flatMap((file) => ['--requirement', file])
    await run(programOf(draft), [...pip, ...wanted, '--editable', `${OUR_PACKAGE}[${EXTRAS}]`], options)
    await rename(draft, home).catch((error: unknown) => {
      if (!existsSync(home)) throw error
    })
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

/** Removes old environments and drafts of interrupted runs. A recent one stays: another run may be using it. */
async function removeLeftOvers(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const path = join(directory, name)
    if (!name.startsWith('python-') || Date.now() - (await stat(path)).mtimeMs < LEFT_OVER_MS) continue
    await rm(path, { recursive: true, force: true })
  }
}

/** Runs a script with the packages of the backend and returns what it prints. */
export async function runPython(script: string, ...args: string[]): Promise<string> {
  return (await run(pythonPath(), ['-I', '-c', script, ...args], { cwd: tmpdir() })).stdout.trimEnd()
}

/** The path of Python. @throws when its packages are not installed, with the reason. */
export function pythonPath(): string {
  const { TEST_PYTHON, TEST_PYTHON_PROBLEM } = process.env
  if (TEST_PYTHON === undefined)
    throw new Error(TEST_PYTHON_PROBLEM ?? 'Run the tests by `npm test`: it prepares Python.')
  return TEST_PYTHON
}

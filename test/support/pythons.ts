/**
 * The oldest and the newest Python of this machine that our package says it is for, each with an environment that has only
 * what the package requires. Environments are under `.data`, made by the first run.
 */
import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { DATA_DIRECTORY } from '../../src/config/folders.ts'
import { OLDEST_MINOR, OUR_PACKAGE, probe, programOf } from './python.ts'

const NEWEST_MINOR = 14

const run = promisify(execFile)

type Python = { program: string; minor: number; identity: string }

/** By its name on the path, or where pyenv keeps it: pyenv's own programs on the path do not run all that are there. */
function programsOf(minor: number): string[] {
  const versions = join(process.env.PYENV_ROOT ?? join(homedir(), '.pyenv'), 'versions')
  const kept = existsSync(versions) ? readdirSync(versions).filter((name) => name.startsWith(`3.${minor}.`)) : []
  return [`python3.${minor}`, ...kept.map((name) => join(versions, name, 'bin/python3'))]
}

async function find(minor: number): Promise<Python | undefined> {
  for (const program of programsOf(minor)) {
    const found = await probe(program)
    if (found?.complete && found.minor === minor) return { program, minor, identity: found.identity }
  }
  return undefined
}

/** At most two. `missing` says in one line which end of the range is not here. */
export async function oldestAndNewest(): Promise<{ pythons: Python[]; missing?: string }> {
  const minors = Array.from({ length: NEWEST_MINOR - OLDEST_MINOR + 1 }, (_, number) => OLDEST_MINOR + number)
  const found = (await Promise.all(minors.map(find))).filter((python) => python !== undefined)
  const pythons = found.length > 1 ? [...found.slice(0, 1), ...found.slice(-1)] : found
  const absent = [OLDEST_MINOR, NEWEST_MINOR].filter((minor) => !pythons.some((python) => python.minor === minor))
  const names = absent.map((minor) => `3.${minor}`).join(' and ')
  const tried = pythons.map(({ minor }) => `3.${minor}`).join(' and ') || 'none'
  return absent.length === 0
    ? { pythons }
    : { pythons, missing: `The Python package is tried on ${tried}, not on ${names}: not installed.` }
}

/** The program of an environment with what the package requires and what builds it, and nothing else. */
export async function environmentOf({ program, identity }: Python): Promise<string> {
  const wanted = requirements()
  const name = createHash('sha256')
    .update(JSON.stringify([wanted, identity]))
    .digest('hex')
  const home = join(DATA_DIRECTORY, `python-package-${name.slice(0, 16)}`)
  if (existsSync(home)) return programOf(home)
  const draft = `${home}.${randomBytes(6).toString('hex')}`
  try {
    await run(program, ['-I', '-m', 'venv', draft])
    await run(programOf(draft), ['-I', '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...wanted])
    await rename(draft, home).catch((error: unknown) => {
      if (!existsSync(home)) throw error
    })
    return programOf(home)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

/** Of `pyproject.toml`: what builds the package, and what it needs. */
function requirements(): string[] {
  const project = readFileSync(join(OUR_PACKAGE, 'pyproject.toml'), 'utf8')
  return [...project.matchAll(/^(?:requires|dependencies) = (\[.*\])$/gm)].flatMap(([, list = '[]']) =>
    JSON.parse(list),
  )
}

/** Installs the package into this folder as `pip install` does, but asks nobody: what it needs is in the environment. */
export async function installInto(program: string, folder: string): Promise<void> {
  const alone = ['--no-deps', '--no-index', '--no-build-isolation', '--disable-pip-version-check', '--quiet']
  await run(program, ['-I', '-m', 'pip', 'install', ...alone, '--target', folder, OUR_PACKAGE])
}

/** The Python package: its own tests, its types, its style, and the Pythons that it says it is for. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { DATA_DIRECTORY } from '../../src/config/folders.ts'
import { EXAMPLES } from '../support/backend.ts'
import { OUR_PACKAGE, pythonPath } from '../support/python.ts'

/** Runs a module in the folder of the package. Fails with all that it has written. */
async function run(...module: string[]): Promise<string> {
  const env = { PATH: process.env.PATH, PYTHONDONTWRITEBYTECODE: '1' }
  try {
    return (await promisify(execFile)(pythonPath(), ['-m', ...module], { cwd: OUR_PACKAGE, env })).stdout
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    return assert.fail(`${stdout ?? error}\n${stderr}`)
  }
}

describe('the Python package', { concurrency: true }, () => {
  it('passes its own tests', async () => {
    const [, passed = '0'] = /(\d+) passed/.exec(await run('pytest', '--quiet')) ?? []
    assert.ok(Number(passed) > 90, passed)
  })

  it('has types that hold on the oldest Python', async () => {
    await run('mypy', '--cache-dir', join(DATA_DIRECTORY, 'mypy'), 'src', 'tests')
  })

  it('is written in one style, as are the examples', async () => {
    await run('ruff', 'check', '--no-cache', '.')
    await run('ruff', 'format', '--no-cache', '--check', '.')
    await run('ruff', 'format', '--no-cache', '--check', '--config', 'pyproject.toml', EXAMPLES)
  })
})

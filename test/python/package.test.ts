/** The Python package: its own tests, its types, its style, and the Pythons that it says it is for. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { DATA_DIRECTORY, ROOT } from '../../src/config/folders.ts'
import { OUR_PACKAGE, pythonPath } from '../support/python.ts'

/** Where code is that uses the package: the examples, and what only tests run. */
const USERS = join(ROOT, 'test/python')

/** Runs a module in this folder. Fails with all that it has written. */
async function run(folder: string, ...module: string[]): Promise<string> {
  const env = { PATH: process.env.PATH, PYTHONDONTWRITEBYTECODE: '1' }
  try {
    return (await promisify(execFile)(pythonPath(), ['-m', ...module], { cwd: folder, env })).stdout
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    return assert.fail(`${stdout ?? error}\n${stderr}`)
  }
}

describe('the Python package', { concurrency: true }, () => {
  it('passes its own tests', async () => {
    const [, passed = '0'] = /(\d+) passed/.exec(await run(OUR_PACKAGE, 'pytest', '--quiet')) ?? []
    assert.ok(Number(passed) > 90, passed)
  })

  it('has types that hold on the oldest Python, as have the examples', async () => {
    // One after the other, since they share what is kept of the packages they use.
    const cache = ['--cache-dir', join(DATA_DIRECTORY, 'mypy')]
    await run(OUR_PACKAGE, 'mypy', ...cache, 'src', 'tests')
    await run(USERS, 'mypy', ...cache, 'examples', 'live-run/backend.py')
  })

  it('is written in one style, as are the examples', async () => {
    for (const [folder, ...places] of [[OUR_PACKAGE, '.'] as const, [USERS, '.', '../bench'] as const]) {
      await run(folder, 'ruff', 'check', '--no-cache', ...places)
      await run(folder, 'ruff', 'format', '--no-cache', '--check', ...places)
    }
  })
})

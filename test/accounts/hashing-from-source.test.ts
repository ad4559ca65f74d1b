/** Whoever develops here runs the server from its sources, by a loader, and must be able to log in there. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { it } from 'node:test'
import { promisify } from 'node:util'
import { ROOT } from '../../src/config/folders.ts'

const PROGRAM = `
  const { hashingThreads } = await import('./src/accounts/passwords/hashing-threads.ts')
  const { value } = await hashingThreads.run({ text: 'plain tidy copper lantern', cost: 4 })
  const right = await hashingThreads.run({ text: 'plain tidy copper lantern', hash: value })
  const wrong = await hashingThreads.run({ text: 'another', hash: value })
  console.log(right.value, wrong.value)`

it('passwords are hashed and compared in a server that is run from its sources', async () => {
  const options = ['--import', 'tsx', '--input-type=module', '--eval', PROGRAM]
  const { stdout } = await promisify(execFile)(process.execPath, options, { cwd: ROOT })
  assert.equal(stdout, 'true false\n')
})

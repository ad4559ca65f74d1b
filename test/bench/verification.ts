/** What a check of a token costs a Python backend: our package beside PyJWT alone. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from '../../src/config/folders.ts'
import { pythonEnvironment } from '../support/python.ts'
import { markdown } from './figures.ts'

type Measured = {
  python: string
  rows: { name: string; p50: number; p99: number }[]
  calls: number
  seconds: number
  asked: number
}

/** A Markdown table. @throws where there is no Python that serves, with the reason. */
export async function verificationReport(signal: AbortSignal): Promise<string> {
  const { environment, missing } = await pythonEnvironment(['test/python/bench'], { signal, say: console.error })
  const { TEST_PYTHON, TEST_PYTHON_PROBLEM } = environment
  if (TEST_PYTHON === undefined) throw new Error(missing ?? TEST_PYTHON_PROBLEM)
  const script = join(ROOT, 'test/bench/verification.py')
  const { stdout } = await promisify(execFile)(TEST_PYTHON, ['-B', script], { signal })
  const { python, rows, calls, seconds, asked }: Measured = JSON.parse(stdout)
  const alone = rows[0]?.p50 ?? Number.NaN
  const lines = rows.map(({ name, p50, p99 }) => [name, ...[p50, p99, p50 - alone].map((value) => value.toFixed(3))])
  const head = ['check of a token', 'p50 ms', 'p99 ms', 'more than PyJWT, ms']
  const said = `Python ${python}; ${calls} calls of each, one beside the other; ${asked} requests to Matricula in ${seconds.toFixed(0)} s.`
  return `${said}\n\n${markdown(head, lines, 1)}`
}

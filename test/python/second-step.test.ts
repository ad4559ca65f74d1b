/** Another implementation of TOTP (RFC 6238), PyPI's `pyotp`, shows the codes that this server takes, and reads its address. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { it } from 'node:test'
import { promisify } from 'node:util'
import { secretInWords, stepOf, uriOf } from '../../src/accounts/second-step/totp.ts'
import { pythonPath } from '../support/python.ts'

const SECRET = Buffer.from('12345678901234567890')
const TIMES = [59, 1111111109, 1234567890, 2000000000, 20000000000]

const PROGRAM = `
import sys, pyotp
uri, *times = sys.argv[1:]
totp = pyotp.parse_uri(uri)
print(totp.secret, totp.issuer, totp.name, *(totp.at(int(time)) for time in times))
`

it('an app that is not ours shows the codes that are taken', async () => {
  const uri = uriOf(SECRET, { email: 'ada+one@example.org' })
  const { stdout } = await promisify(execFile)(pythonPath(), ['-c', PROGRAM, uri, ...TIMES.map(String)])
  const [secret, issuer, name, ...codes] = stdout.trim().split(' ')
  assert.equal(secret, secretInWords(SECRET).replaceAll(' ', ''))
  assert.deepEqual([issuer, name], ['Matricula', 'ada+one@example.org'])
  // The last six digits of the vectors of RFC 6238, appendix B.
  assert.deepEqual(codes, ['287082', '081804', '005924', '279037', '353130'])
  for (const [index, time] of TIMES.entries()) {
    assert.equal(stepOf(SECRET, codes[index] ?? '', time * 1000), Math.floor(time / 30), String(time))
  }
})

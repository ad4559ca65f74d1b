/** Signing keys change under load, by the clock of everybody, and no token is refused but those of a stolen key. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { createDatabase } from '../../support/database.ts'
import { createClock } from '../../support/moved-clock.ts'
import { openBrowser } from '../../support/people.ts'
import { eventually } from '../../support/process.ts'
import { decode, MINUTE } from '../../support/tokens.ts'
import { gather } from './crowd.ts'
import { isRehearsal, sayTable } from './report.ts'
import { startSite } from './site.ts'

const PEOPLE = isRehearsal ? 10 : 2
const ROTATION_MINUTES = 50
/** So long another backend knows nothing newer than what it has fetched, as PyJWT does. */
const KEPT_MS = 5 * MINUTE

it('signing keys change and no good token is refused', async () => {
  const clock = createClock()
  const site = await startSite({ DATABASE_URL: await createDatabase(), ...clock.environment })
  const fetchKeys = async () => createLocalJWKSet(await (await fetch(`${site.url}/api/auth/jwks`)).json())
  let keys = await fetchKeys()
  const crowd = gather(site)
  const counts = { let_in: 0, refused: 0 }
  const signers = new Set<string>()
  const good = new Set<string>()

  /** Every token that has not run out, as another backend sees it. */
  async function verifyAll(): Promise<void> {
    for (const { token } of crowd.lives) if (token !== undefined) good.add(token)
    const now = clock.now()
    const young = [...good].filter((token) => decode(token).claims.exp * 1_000 > now)
    for (const token of young) {
      signers.add(String(decode(token).header.kid))
      const isGood = await jwtVerify(token, keys, { currentDate: new Date(now) }).then(
        () => true,
        () => false,
      )
      counts[isGood ? 'let_in' : 'refused'] += 1
    }
  }
  async function more(): Promise<void> {
    const goal = crowd.signedUp() + PEOPLE
    await eventually('more people', () => crowd.signedUp() >= goal)
  }

  await more()
  await verifyAll()
  await site.command(['keys', 'rotate'])
  for (let minutes = 0; minutes < ROTATION_MINUTES; minutes += KEPT_MS / MINUTE) {
    clock.forward(KEPT_MS)
    await more()
    await verifyAll()
    keys = await fetchKeys()
  }
  const listed = (await site.command(['keys', 'list'])).trim().split('\n')
  assert.equal(signers.size, 2, 'the new key has taken over')
  assert.equal(listed.length, 1, 'the old one is gone')

  const lastGood = [...good].at(-1) ?? assert.fail('no token')
  const stolen = decode(lastGood).header.kid
  await site.command(['keys', 'retire', '--now', '--', String(stolen)])
  clock.forward(MINUTE + 1_000)
  await more()
  await crowd.leave()
  const last = crowd.lives.findLast(({ token }) => token !== undefined)?.token ?? assert.fail()
  assert.notEqual(decode(last).header.kid, stolen)
  const call = (token: string) => openBrowser(site, { Authorization: `Bearer ${token}` }).get('/api/me')
  assert.equal((await call(lastGood)).status, 401)

  sayTable('Signing keys changed under load, and one withdrawn at once', [
    ['answered', crowd.counts.answered],
    ['asked again', crowd.counts.again],
    ['tokens verified elsewhere', counts.let_in],
    ['good ones refused', counts.refused],
    ['keys that have signed', signers.size + 1],
  ])
  assert.deepEqual(crowd.surprises, [])
  assert.equal(counts.refused, 0)
  assert.equal(crowd.counts.again, 0)
})

/** Many who log in at once, among them addresses without an account and forms that are not ours: nobody else waits for them. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createDatabase } from '../support/database.ts'
import { learner, openBrowser, type Response, somebody } from '../support/people.ts'
import { startServer } from '../support/process.ts'
import { IS_LONG, reportFault, type Tally, tallied } from './report.ts'

const LOGINS = IS_LONG ? 100 : 30

it('[F17, F19] a storm of logins, known and unknown, is answered with a time to come back, and holds up nobody else', async () => {
  const server = await startServer({ DATABASE_URL: await createDatabase(), TRUST_PROXY: '1', BCRYPT_COST: '12' })
  const { person, browser } = await learner(server, 'Ada')
  const visitors = Array.from({ length: LOGINS }, (_, index) =>
    openBrowser(server, { 'X-Forwarded-For': `10.1.${index}.1` }),
  )
  const forms = await Promise.all(visitors.map((visitor) => visitor.token('/login')))
  const storm: Tally = new Map()
  const sentAway: Response[] = []
  let under = LOGINS
  const logins = visitors.map(async (visitor, index) => {
    const { email } = index % 2 ? somebody('Bo') : person
    const answer = await tallied(
      storm,
      visitor.post('/login', { email, password: person.password, next: '/', _csrf: forms[index] ?? '' }),
    )
    under -= 1
    if (answer?.status === 503) sentAway.push(answer)
  })
  // Forms without their token are refused before anything is hashed.
  const forged: Tally = new Map()
  const others: Tally = new Map()
  for (const visitor of visitors.slice(0, 10))
    await tallied(forged, visitor.post('/login', { ...person, _csrf: 'made up' }))
  await tallied(others, openBrowser(server).get('/login'))
  for (const path of ['/api/auth/jwks', '/dashboard']) await tallied(others, browser.get(path))
  assert.ok(under > 0, 'the storm was over before')
  await Promise.all(logins)
  assert.deepEqual([...forged], [[403, 10]])
  assert.deepEqual([...others.keys()], [200])
  for (const status of storm.keys()) assert.ok([303, 422, 429, 503].includes(Number(status)), String(status))
  assert.ok(sentAway.length > 0, 'there was room for all')
  for (const { headers } of sentAway) assert.match(headers['retry-after'] ?? '', /^[1-9]\d*$/)
  reportFault({
    rows: 'F17, F19',
    fault: 'storm of logins',
    done: `${LOGINS} at once, half of them unknown`,
    answers: storm,
    lost: '-',
    healedMs: '-',
  })
})

/** A FastAPI backend with personal answers: from the learner's row in the table, and from the API. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Answers } from '../../src/learning/answers.ts'
import { type ApiClient, apiLearner, apiOf } from '../support/api.ts'
import { startApp } from '../support/app.ts'
import { type Backend, type Reply, startBackend } from '../support/backend.ts'
import { LESSONS, NOTHING_SAVED, passAll, saveAnswers } from '../support/learning.ts'
import { learner } from '../support/people.ts'
import { answersOf } from '../support/profiles.ts'
import { createReader } from './reader.ts'

const app = await startApp({}, { atPublicUrl: true })
const backend = await startBackend({
  MATRICULA_URL: app.url,
  LEARNERS_DATABASE_URL: await createReader(app.databaseUrl),
})

const NOT_BEGUN = 'Six short questions, and this is made for you'
const NOTHING_ANSWERED = 'We begin at the beginning, labs are read, not run, we follow the whole course'

const ALL: Answers = answersOf({
  softwareExperience: 'advanced',
  programmingLanguages: ['python', 'cpp', 'csharp'],
  skillLevel: 'advanced',
  hardwareAccess: ['rtx_24gb', 'jetson_orin', 'robot_humanoid'],
  primaryFocus: 'humanoid',
  projectGoals: ['humanoid', 'research'],
  projectGoalsText: 'A robot that waters plants.',
})

/** What a backend reads from the table, with the field names of the API. */
async function readOf(token: string, at: Backend = backend): Promise<{ text: unknown; profile: object }> {
  const { status, body } = await at.get('/learners/me/welcome', token)
  assert.equal(status, 200, JSON.stringify(body))
  const { text, onboarded, answers } = body
  const inCamelCase = (name: string) => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
  const named = Object.entries(answers as object).map(([name, value]) => [inCamelCase(name), value])
  return { text, profile: { ...Object.fromEntries(named), onboarded } }
}

const profileOf = async (api: ApiClient) => (await api.get('/api/profile')).body

/** The first suggestion of the API, with the fields that a backend passes on. */
async function firstOf(api: ApiClient) {
  const [first] = (await api.get('/api/recommendations')).body.startNow
  if (first === undefined) return null
  const { id, title, module, reasons, cautions } = first
  return { id, title, module, reasons, cautions }
}

const suggestionOf = (token: string, at: Backend = backend): Promise<Reply> => at.get('/learners/me/suggestion', token)

/** Asserts that table and API agree about this learner. Returns both answers of the backend. */
async function agreed(api: ApiClient) {
  const token = await api.token()
  const { text, profile } = await readOf(token)
  assert.deepEqual(profile, await profileOf(api))
  const { status, body } = await suggestionOf(token)
  assert.deepEqual([status, body], [200, await firstOf(api)])
  return { text, profile, first: body }
}

async function save(api: ApiClient, answers: object) {
  const response = await api.put('/api/profile', answers)
  assert.equal(response.status, 200, response.text)
}

describe('what a backend reads and what the API says', () => {
  it('is the same of somebody without a row: nothing is answered, and there is a suggestion', async () => {
    const { api } = await apiLearner(app, 'Ada')
    const { text, profile, first } = await agreed(api)
    assert.deepEqual(profile, NOTHING_SAVED)
    assert.equal(text, NOT_BEGUN)
    assert.equal(first.id, 'f1')
  })

  it('is the same of somebody on the way, whose answers wait to be saved', async () => {
    const { browser } = await learner(app, 'Ada')
    const api = apiOf(app, browser)
    await passAll(browser)
    const before = await agreed(api)
    assert.deepEqual([before.text, before.profile], [NOT_BEGUN, NOTHING_SAVED])

    assert.equal((await saveAnswers(browser)).status, 303)
    const { text, profile } = await agreed(api)
    assert.equal(
      text,
      'We begin at the beginning, labs run on laptop_cpu and microphone, we aim at ai_robotics and career',
    )
    assert.notDeepEqual(profile, NOTHING_SAVED)
  })

  it('is the same of somebody who skipped all questions', async () => {
    const { browser } = await learner(app, 'Ada')
    await passAll(browser, [])
    await saveAnswers(browser)
    const { text, profile } = await agreed(apiOf(app, browser))
    assert.deepEqual(profile, { ...NOTHING_SAVED, onboarded: true })
    assert.equal(text, NOTHING_ANSWERED)
  })

  const GIVEN: [who: string, answers: Partial<Answers>, text: string][] = [
    ['nothing', {}, NOTHING_ANSWERED],
    [
      'everything',
      ALL,
      'We begin with what is new to a builder of robots, labs run on rtx_24gb and jetson_orin and robot_humanoid, ' +
        'we aim at humanoid and research',
    ],
    ['that they have nothing', { programmingLanguages: ['none'], hardwareAccess: ['none'] }, NOTHING_ANSWERED],
    [
      'one question',
      { skillLevel: 'intermediate' },
      'We begin after the basics, labs are read, not run, we follow the whole course',
    ],
    ...[
      'line\nbreak\r\nand\ttab',
      `"double" 'single' \\n {a,b} NULL`,
      'Roboter für Übung 🤖 👩🏽‍🚀 日本語 עברית',
      '{"a": [1, null]}',
      "'; drop table users; --",
      '🦾'.repeat(500),
    ].map((projectGoalsText): [string, Partial<Answers>, string] => [
      `goals like ${JSON.stringify(projectGoalsText.slice(0, 24))}`,
      { projectGoalsText },
      NOTHING_ANSWERED,
    ]),
  ]
  for (const [what, answers, text] of GIVEN) {
    it(`is the same of somebody who answered ${what}`, async () => {
      const { api } = await apiLearner(app, 'Ada')
      await save(api, answers)
      const said = await agreed(api)
      assert.deepEqual(said.profile, { ...answersOf(answers), onboarded: true })
      assert.equal(said.text, text)
    })
  }

  it('changes at once and with the same token, after each answer and each mark', async () => {
    const { api } = await apiLearner(app, 'Ada')
    const token = await api.token()
    const both = async () => ({ ...(await readOf(token)), first: (await suggestionOf(token)).body })
    const now = async () => ({ profile: await profileOf(api), first: await firstOf(api) })
    const seen = [await both()]
    const steps = [
      () => save(api, ALL),
      () => save(api, { primaryFocus: 'edge', skillLevel: 'intermediate' }),
      () => api.put('/api/progress/r2', { state: 'done' }),
      () => save(api, {}),
    ]
    for (const step of steps) {
      await step()
      const { text, ...rest } = await both()
      assert.deepEqual(rest, await now())
      seen.push({ text, ...rest })
    }
    const different = (part: 'text' | 'profile' | 'first') => new Set(seen.map((one) => JSON.stringify(one[part]))).size
    assert.deepEqual([different('text'), different('profile')], [4, 4])
    assert.ok(different('first') >= 3, JSON.stringify(seen))
  })

  it('is the same when there is nothing left to suggest', async () => {
    const { person, api } = await apiLearner(app, 'Ada')
    await app.sql`
      insert into progress (user_id, lesson_id, state, updated_at)
      select id, unnest(${LESSONS}::text[]), 'done', now() from users where email = ${person.email}`
    assert.equal((await agreed(api)).first, null)
  })

  it('is of the caller, whoever else has asked', async () => {
    const [ada, ben] = [await apiLearner(app, 'Ada'), await apiLearner(app, 'Ben')]
    await save(ada.api, ALL)
    for (const { api } of [ada, ben, ada]) await agreed(api)
    assert.deepEqual((await agreed(ben.api)).profile, NOTHING_SAVED)
  })
})

describe('after the end', () => {
  const isUnauthorized = ({ status, headers, body }: Reply) => {
    assert.deepEqual([status, body], [401, { detail: 'Not signed in, or no longer' }])
    assert.match(headers.get('www-authenticate') ?? '', /^Bearer realm="Matricula"/)
  }

  it('of a session Matricula suggests nothing any more', async () => {
    const { api } = await apiLearner(app, 'Ada')
    await save(api, ALL)
    const token = await api.token()
    assert.equal((await suggestionOf(token)).status, 200)
    await api.post('/api/auth/sign-out', {})
    isUnauthorized(await suggestionOf(token))
  })

  it('of an account nobody is welcome', async () => {
    const { person, api } = await apiLearner(app, 'Ada')
    await save(api, ALL)
    const token = await api.token()
    await app.sql`delete from users where email = ${person.email}`
    for (const path of ['welcome', 'suggestion']) isUnauthorized(await backend.get(`/learners/me/${path}`, token))
  })

  it('without a token, or with a damaged one, Matricula is not even asked', async () => {
    const { api } = await apiLearner(app, 'Ada')
    const token = await api.token()
    const asked = () => app.log().match(/\/api\/recommendations/g)?.length ?? 0
    const before = asked()
    for (const path of ['/learners/me/welcome', '/learners/me/suggestion']) {
      isUnauthorized(await backend.send('GET', path))
      isUnauthorized(await backend.get(path, `${token}x`))
    }
    assert.equal(asked(), before)
  })
})

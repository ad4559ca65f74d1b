/** Answers, recommendations and progress over the API: which callers and which values are refused. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ApiClient, apiLearner, bearer, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { NOTHING_SAVED } from '../../support/learning.ts'

const app = await startApp({}, { atPublicUrl: true })

type Headers = Record<string, string>

const CALLS: [what: string, call: (api: ApiClient, headers?: Headers) => ReturnType<ApiClient['get']>][] = [
  ['GET /api/profile', (api, headers) => api.get('/api/profile', headers)],
  ['PUT /api/profile', (api, headers) => api.put('/api/profile', { primaryFocus: 'edge' }, headers)],
  ['GET /api/recommendations', (api, headers) => api.get('/api/recommendations', headers)],
  ['GET /api/progress/f1', (api, headers) => api.get('/api/progress/f1', headers)],
  ['PUT /api/progress/f1', (api, headers) => api.put('/api/progress/f1', { state: 'done' }, headers)],
]

const somebody = await apiLearner(app, 'Ada')

for (const [what, call] of CALLS) {
  describe(what, () => {
    it('is for a learner with a session cookie or with a token alone', async () => {
      const byCookie = await call(somebody.api)
      assert.equal(byCookie.status, 200, byCookie.text)
      const byToken = await call(openApi(app), bearer(await somebody.api.token()))
      assert.equal(byToken.status, 200, byToken.text)
      assert.deepEqual(byToken.body, byCookie.body)
      assert.equal(byToken.headers['set-cookie'], undefined)
      assert.match(byToken.headers['cache-control'] ?? '', /no-store/)
    })

    it('is for nobody else', async () => {
      const { api } = await apiLearner(app, 'Ben')
      const token = await api.token()
      await api.post('/api/auth/sign-out', {})
      for (const [who, headers] of [
        ['a visitor', {}],
        ['somebody with a token of another issuer', bearer('eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.')],
        ['somebody whose session is over', bearer(token)],
      ] as const) {
        const response = await call(openApi(app), headers)
        assert.equal(response.status, 401, who)
        assert.deepEqual(response.body, { code: 'UNAUTHORIZED', message: 'Unauthorized' }, who)
      }
    })
  })
}

describe('a call with the cookie of one learner and the token of another', () => {
  it('is of the one with the token', async () => {
    const [ada, ben] = [await apiLearner(app, 'Ada'), await apiLearner(app, 'Ben')]
    const headers = bearer(await ben.api.token())
    const answer = await ada.api.put('/api/profile', { primaryFocus: 'edge' }, headers)
    assert.deepEqual(answer.body, { ...NOTHING_SAVED, primaryFocus: 'edge', onboarded: true })
    assert.deepEqual((await ben.api.get('/api/profile')).body, answer.body)
    assert.deepEqual((await ada.api.get('/api/profile')).body, NOTHING_SAVED)
  })

  it('is of nobody when the token counts no more', async () => {
    const [ada, ben] = [await apiLearner(app, 'Ada'), await apiLearner(app, 'Ben')]
    const headers = bearer(await ben.api.token())
    await ben.api.post('/api/auth/sign-out', {})
    assert.equal((await ada.api.put('/api/profile', { primaryFocus: 'edge' }, headers)).status, 401)
    assert.deepEqual((await ada.api.get('/api/profile')).body, NOTHING_SAVED)
  })
})

describe('a call that writes', () => {
  it('is not taken from another site that borrows the cookie', async () => {
    const { api } = await apiLearner(app, 'Ada')
    for (const [path, body] of [
      ['/api/profile', { primaryFocus: 'edge' }],
      ['/api/progress/f1', { state: 'done' }],
    ] as const) {
      const response = await api.put(path, body, { Origin: 'https://evil.example' })
      assert.equal(response.status, 403)
      assert.equal(response.body.code, 'INVALID_ORIGIN')
    }
    assert.deepEqual((await api.get('/api/profile')).body, NOTHING_SAVED)
    assert.equal((await api.get('/api/progress/f1')).body.state, 'none')
  })

  it('is a PUT and nothing else', async () => {
    const { api } = await apiLearner(app, 'Ada')
    for (const [path, allow] of [
      ['/api/profile', 'GET, PUT'],
      ['/api/progress/f1', 'GET, PUT'],
      ['/api/recommendations', 'GET'],
    ] as const) {
      const response = await api.post(path, {})
      assert.equal(response.status, 405, path)
      assert.equal(response.headers.allow, allow, path)
    }
  })
})

describe('a profile', () => {
  const LONG = 'a'.repeat(501)
  const refused: [what: string, body: unknown, paths: string[]][] = [
    ['no body', undefined, ['body']],
    ['null', null, ['body']],
    ['a list', [{ primaryFocus: 'edge' }], ['body']],
    ['a number', 5, ['body']],
    ['a text', 'edge', ['body']],
    ['an unknown option', { softwareExperience: 'wizard' }, ['body.softwareExperience']],
    ['an empty option', { skillLevel: '' }, ['body.skillLevel']],
    ['an option in capitals', { primaryFocus: 'ROS2' }, ['body.primaryFocus']],
    ['an option of another question', { primaryFocus: 'none' }, ['body.primaryFocus']],
    ['an option as a list', { primaryFocus: ['edge'] }, ['body.primaryFocus']],
    ['an option as a number', { skillLevel: 1 }, ['body.skillLevel']],
    ['an option that every object has', { primaryFocus: 'constructor' }, ['body.primaryFocus']],
    ['a list as one option', { programmingLanguages: 'python' }, ['body.programmingLanguages']],
    ['a list that is null', { hardwareAccess: null }, ['body.hardwareAccess']],
    ['a list that is an object', { projectGoals: { 0: 'ros2', length: 1 } }, ['body.projectGoals']],
    ['an unknown option in a list', { hardwareAccess: ['rtx_8gb', 'mainframe'] }, ['body.hardwareAccess.1']],
    ['a number in a list', { projectGoals: [5] }, ['body.projectGoals.0']],
    ['a list in a list', { projectGoals: [['ros2']] }, ['body.projectGoals.0']],
    ['a list without end', { projectGoals: Array(101).fill('ros2') }, ['body.projectGoals']],
    ['none beside a language', { programmingLanguages: ['none', 'python'] }, ['body.programmingLanguages']],
    ['none beside a device', { hardwareAccess: ['laptop_cpu', 'none'] }, ['body.hardwareAccess']],
    ['a text that is too long', { projectGoalsText: LONG }, ['body.projectGoalsText']],
    ['a text with a NUL', { projectGoalsText: 'a\u0000b' }, ['body.projectGoalsText']],
    ['a text with half an emoji', { projectGoalsText: '\ud83e' }, ['body.projectGoalsText']],
    ['a text that is a number', { projectGoalsText: 5 }, ['body.projectGoalsText']],
    ['two mistakes', { skillLevel: 'x', projectGoalsText: LONG }, ['body.skillLevel', 'body.projectGoalsText']],
  ]
  for (const [what, body, paths] of refused) {
    it(`[X11, X23] is refused, and nothing of it kept: ${what}`, async () => {
      const { api } = await apiLearner(app, 'Ada')
      const given = body === undefined || typeof body !== 'object' || body === null || Array.isArray(body)
      const response = await api.put('/api/profile', given ? body : { softwareExperience: 'advanced', ...body })
      assert.equal(response.status, 400, response.text)
      assert.equal(response.body.code, 'VALIDATION_ERROR')
      assert.deepEqual(
        response.body.issues.map(({ path }: { path: string }) => path),
        paths,
      )
      for (const path of paths) assert.ok(response.body.message.includes(`[${path}] `), response.body.message)
      for (const sent of ['wizard', 'mainframe', LONG])
        assert.ok(!response.text.includes(sent), 'repeats what was sent')
      assert.deepEqual((await api.get('/api/profile')).body, NOTHING_SAVED)
    })
  }

  it('[X05, X07] is taken without the fields that it does not have', async () => {
    const { api } = await apiLearner(app, 'Ada')
    const body = JSON.parse(`{
      "__proto__": { "primaryFocus": "edge", "onboarded": true },
      "constructor": { "prototype": { "skillLevel": "advanced" } },
      "skillLevel": "beginner", "onboarded": false, "savedAt": "2020-01-01", "draft": { "primaryFocus": "vla" }
    }`)
    const response = await api.put('/api/profile', body)
    assert.equal(response.status, 200, response.text)
    const expected = { ...NOTHING_SAVED, skillLevel: 'beginner', onboarded: true }
    assert.deepEqual(response.body, expected)
    assert.deepEqual((await api.get('/api/profile')).body, expected)
  })
})

describe('progress', () => {
  for (const id of [
    'z9',
    'F1',
    'f1%20',
    '%20',
    'f1%00',
    '__proto__',
    'constructor',
    '..%2Fprofile',
    'f'.repeat(1000),
  ]) {
    it(`is kept with lessons of the course only, so not with ${id.slice(0, 20)}`, async () => {
      for (const response of [
        await somebody.api.get(`/api/progress/${id}`),
        await somebody.api.put(`/api/progress/${id}`, { state: 'done' }),
      ]) {
        assert.equal(response.status, 404, response.text)
        assert.deepEqual(response.body, { code: 'LESSON_NOT_FOUND', message: 'There is no lesson of this id' })
      }
    })
  }

  it('is not at addresses beside it', async () => {
    for (const path of [
      '/api/progress',
      '/api/progress/',
      '/api/progress/f1/',
      '/api/progress/f1/f2',
      '/API/profile',
    ]) {
      assert.equal((await somebody.api.get(path)).status, 404, path)
    }
  })

  it('is not at an address that cannot be read', async () => {
    const response = await somebody.api.get('/api/progress/%E0%A4%A')
    assert.deepEqual([response.status, response.body.code], [400, 'BAD_REQUEST'])
  })

  const STATES: unknown[] = [
    undefined,
    null,
    [],
    'done',
    ['done'],
    {},
    ...['finished', 'locked', '', null, 1, ['done']],
  ]
  for (const [index, given] of STATES.entries()) {
    const body = index > 5 ? { state: given } : given
    it(`is refused as ${JSON.stringify(body) ?? 'nothing'}`, async () => {
      const before = (await somebody.api.get('/api/progress/r1')).body
      const response = await somebody.api.put('/api/progress/r1', body)
      assert.equal(response.status, 400, response.text)
      assert.equal(response.body.code, 'VALIDATION_ERROR')
      assert.deepEqual((await somebody.api.get('/api/progress/r1')).body, before)
    })
  }

  it('has left no trace of all that was refused', async () => {
    const rows = await app.sql<{ lessonId: string }>`select distinct lesson_id from progress`
    assert.deepEqual(
      rows.map(({ lessonId }) => lessonId),
      ['f1'],
    )
  })
})

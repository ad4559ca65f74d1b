/** Which answers a learner may give, by page or by API. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Answers, isAnswered, NO_ANSWERS } from '../../src/learning/answers.ts'
import { QUESTIONS, type Question } from '../../src/learning/questions.ts'

const OPTIONS: Record<Question['name'], string> = {
  softwareExperience: 'none beginner intermediate advanced',
  programmingLanguages: 'python cpp c csharp javascript rust go java matlab none',
  skillLevel: 'beginner intermediate advanced',
  hardwareAccess:
    'laptop_cpu rtx_8gb rtx_12gb rtx_24gb cloud_gpu jetson_orin raspberry_pi depth_camera microphone robot_proxy robot_humanoid_mini robot_humanoid none',
  primaryFocus: 'ros2 simulation isaac perception humanoid vla edge balanced',
  projectGoals: 'autonomous_robot ros2 ai_robotics simulation nvidia_isaac humanoid research career coursework',
}

const LISTED = 'Select one of the listed options'

const parsed = (given: unknown) => Answers.parse(given)

/** Which answers are wrong, and the message for each. */
function problemsIn(given: unknown): string[] {
  const { error } = Answers.safeParse(given)
  return (error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`)
}

describe('the questions', () => {
  it('are six in this order, with these options', () => {
    assert.deepEqual(
      QUESTIONS.map(({ name, options }) => [name, options.map(({ value }) => value).join(' ')]),
      Object.entries(OPTIONS),
    )
  })

  it('have words of their own for every option', () => {
    for (const { name, options } of QUESTIONS) {
      const labels = options.map(({ label }) => label)
      assert.equal(new Set(labels).size, labels.length, name)
      assert.ok(!labels.includes(''), name)
    }
  })
})

for (const { name, kind, options } of QUESTIONS) {
  const values = options.map(({ value }) => value)
  const wrap = (value: unknown) => ({ [name]: kind === 'one' ? value : [value] })

  describe(`the answer about ${name}`, () => {
    it('is each of the options', () => {
      for (const value of values) assert.deepEqual(parsed(wrap(value)), { ...NO_ANSWERS, ...wrap(value) })
    })

    it('is nothing else', () => {
      const foreign = ['', 'other', ' none', 'Python', values.join(','), 'toString', '__proto__', 0, true, null, {}, []]
      for (const value of foreign.filter((value) => kind === 'many' || value !== null)) {
        const [problem = '', ...more] = problemsIn(wrap(value))
        assert.deepEqual(more, [], String(value))
        assert.match(problem, new RegExp(`^${name}(\\.0)?: ${LISTED}$`), String(value))
      }
    })

    it('is not of the other kind', () => {
      const [first] = values
      const other = kind === 'one' ? [first] : first
      assert.deepEqual(problemsIn({ [name]: other }), [`${name}: ${LISTED}`])
    })

    it('may be left out', () => {
      for (const given of [{}, { [name]: kind === 'one' ? null : [] }]) assert.deepEqual(parsed(given), NO_ANSWERS)
    })
  })
}

for (const { name, options } of QUESTIONS.filter(({ kind }) => kind === 'many')) {
  const values = options.map(({ value }) => value)

  describe(`the list about ${name}`, () => {
    it('is never null', () => {
      assert.deepEqual(problemsIn({ [name]: null }), [`${name}: ${LISTED}`])
    })

    it('is kept once each, in the order of the options', () => {
      const real = values.filter((value) => value !== 'none')
      const given = [...real, ...real].reverse()
      assert.deepEqual(parsed({ [name]: given }), { ...NO_ANSWERS, [name]: real })
    })

    it('is no endless list', () => {
      assert.deepEqual(problemsIn({ [name]: Array(101).fill(values[0]) }), [`${name}: ${LISTED}`])
    })
  })
}

for (const name of ['programmingLanguages', 'hardwareAccess'] as const) {
  it(`none of ${name} stands alone`, () => {
    assert.deepEqual(parsed({ [name]: ['none', 'none'] })[name], ['none'])
    const [first] = OPTIONS[name].split(' ')
    for (const given of [
      ['none', first],
      [first, 'none'],
    ]) {
      const [problem = '', ...more] = problemsIn({ [name]: given })
      assert.deepEqual(more, [])
      assert.match(problem, new RegExp(`^${name}: Select the .* you can use, or select “None of these`))
    }
  })
}

describe('the text about goals', () => {
  const TOO_LONG = 'projectGoalsText: Tell us more in 500 characters or fewer'
  const UNTYPED = 'projectGoalsText: Tell us more in text that a keyboard can type'
  const textOf = (projectGoalsText: unknown) => parsed({ projectGoalsText }).projectGoalsText
  const problems = (projectGoalsText: unknown) => problemsIn({ projectGoalsText })

  const kept: [what: string, given: unknown, stored: string | null][] = [
    ['500 letters', 'a'.repeat(500), 'a'.repeat(500)],
    ['500 emoji', '🤖'.repeat(500), '🤖'.repeat(500)],
    ['500 letters that were typed as letter and accent', 'e\u0301'.repeat(500), 'é'.repeat(500)],
    ['500 characters within space', `\n ${'a'.repeat(500)}${' '.repeat(600)}`, 'a'.repeat(500)],
    ['250 lines as Windows ends them', 'a\r\n'.repeat(250), 'a\n'.repeat(250).trim()],
    ['line breaks of all systems', 'one\r\ntwo\rthree\nfour', 'one\ntwo\nthree\nfour'],
    ['a tab', 'a\tb', 'a\tb'],
    ['markup and quotes as they are', `<b>"it's" & ${'$'}{1}</b>`, `<b>"it's" & ${'$'}{1}</b>`],
    ['other scripts and joined emoji', 'مرحبا 机器人 👩‍🚀', 'مرحبا 机器人 👩‍🚀'],
    ['nothing', '', null],
    ['space and line breaks only', ' \t\r\n\u00a0\u2003', null],
    ['very much space only', ' '.repeat(9000), null],
    ['nothing that can be seen', '\u200b\ufeff\u2060\u3164\u00ad\u202e\n\u200b', null],
    ['a sign alone', '🤖', '🤖'],
    ['null', null, null],
    ['no field', undefined, null],
  ]
  for (const [what, given, stored] of kept) {
    it(`may be ${what}`, () => assert.equal(textOf(given), stored))
  }

  const refused: [what: string, given: unknown, problem: string][] = [
    ['501 letters', 'a'.repeat(501), TOO_LONG],
    ['501 emoji', '🤖'.repeat(501), TOO_LONG],
    ['thousands of accents', `a${'\u0301\u0323'.repeat(4000)}`, TOO_LONG],
    ['a NUL', 'a\u0000b', UNTYPED],
    ['a backspace', 'a\u0008b', UNTYPED],
    ['a vertical tab', 'a\u000bb', UNTYPED],
    ['a form feed at the end', 'a\u000c', UNTYPED],
    ['an escape', '\u001b[31m', UNTYPED],
    ['a delete', 'a\u007f', UNTYPED],
    ['a control of C1', 'a\u0085b', UNTYPED],
    ['half an emoji', 'a\ud83e', UNTYPED],
    ['a damaged byte', 'a\ufffd', UNTYPED],
    ['a number', 5, 'projectGoalsText: Enter text'],
    ['a list', ['a'], 'projectGoalsText: Enter text'],
  ]
  for (const [what, given, problem] of refused) {
    it(`may not be ${what}`, () => assert.deepEqual(problems(given), [problem]))
  }
})

describe('all answers', () => {
  it('drop fields that no question has', () => {
    const given = JSON.parse('{"userId":"carl","savedAt":1,"draft":{},"__proto__":{"primaryFocus":"edge"}}')
    const answers = parsed(given)
    assert.deepEqual(answers, NO_ANSWERS)
    assert.deepEqual(Object.keys(answers), [...QUESTIONS.map(({ name }) => name), 'projectGoalsText'])
    assert.equal(Object.getPrototypeOf(answers), Object.prototype)
  })

  it('are told of every wrong one at once', () => {
    assert.equal(problemsIn({ skillLevel: 'x', primaryFocus: 'x', projectGoals: ['x'] }).length, 3)
  })

  it('are an object', () => {
    for (const given of [null, undefined, [], 'none', 5]) assert.equal(problemsIn(given).length, 1)
  })

  it('come out the same when they go in again', () => {
    const once = parsed({ projectGoals: ['career', 'ros2'], projectGoalsText: ' a\r\nb ', skillLevel: 'advanced' })
    assert.deepEqual(parsed(once), once)
  })

  it('know which question has one: for goals a text is enough', () => {
    const answered = (answers: Answers) =>
      QUESTIONS.filter((question) => isAnswered(answers, question)).map(({ name }) => name)
    assert.deepEqual(answered(NO_ANSWERS), [])
    assert.deepEqual(answered({ ...NO_ANSWERS, projectGoalsText: 'Build' }), ['projectGoals'])
    const all = { skillLevel: 'beginner', primaryFocus: 'balanced', softwareExperience: 'none' }
    assert.equal(answered(parsed({ ...all, programmingLanguages: ['none'], hardwareAccess: ['none'] })).length, 5)
  })
})

/** The learners described in the design, each from the first suggestion to the last. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Answers } from '../../src/learning/answers.ts'
import type { ProgressState } from '../../src/learning/progress.ts'
import { advise, idsOf } from '../support/profiles.ts'

/** The people for whom the questionnaire was designed, and what they see first. */
const PERSONAS: Record<string, { answers: Partial<Answers>; startNow: string; afterwards: string }> = {
  'Somebody new with a laptop': {
    answers: {
      softwareExperience: 'none',
      programmingLanguages: ['none'],
      skillLevel: 'beginner',
      hardwareAccess: ['laptop_cpu'],
      primaryFocus: 'balanced',
    },
    startNow: 'f1',
    afterwards: 'f2 r1 r2 r3 s1',
  },
  'A web developer who rents a GPU': {
    answers: {
      softwareExperience: 'advanced',
      programmingLanguages: ['javascript', 'python'],
      skillLevel: 'beginner',
      hardwareAccess: ['laptop_cpu', 'cloud_gpu', 'microphone'],
      primaryFocus: 'vla',
      projectGoals: ['career'],
    },
    startNow: 'f1',
    afterwards: 'r1 r2 r3 s1 r4',
  },
  'A machine-learning engineer': {
    answers: {
      softwareExperience: 'advanced',
      programmingLanguages: ['python'],
      skillLevel: 'intermediate',
      hardwareAccess: ['rtx_24gb', 'jetson_orin', 'depth_camera'],
      primaryFocus: 'perception',
    },
    startNow: 'f2 r2',
    afterwards: 'r3 e1 r4 r6 r7',
  },
  'A roboticist with a humanoid': {
    answers: {
      softwareExperience: 'advanced',
      programmingLanguages: ['python', 'cpp'],
      skillLevel: 'advanced',
      hardwareAccess: ['rtx_24gb', 'jetson_orin', 'robot_humanoid'],
      primaryFocus: 'humanoid',
    },
    startNow: 'r5 r4 r6 s3 e1',
    afterwards: 'h1 r7 v1 v2 s4',
  },
  'Somebody with a phone only': {
    answers: {
      softwareExperience: 'none',
      programmingLanguages: ['none'],
      skillLevel: 'beginner',
      hardwareAccess: ['none'],
      primaryFocus: 'simulation',
    },
    startNow: 'f1',
    afterwards: 'f2 r1 r2 r3 s1',
  },
  'A Unity developer': {
    answers: {
      softwareExperience: 'intermediate',
      programmingLanguages: ['cpp', 'csharp'],
      skillLevel: 'intermediate',
      hardwareAccess: ['rtx_8gb'],
      primaryFocus: 'simulation',
    },
    startNow: 'r2 f2',
    afterwards: 'r3 r5 s1 s2 s3',
  },
  // With Python, the launch files (r6), which lead to simulation, come before its first lesson (s1).
  'A Unity developer who knows Python': {
    answers: {
      softwareExperience: 'intermediate',
      programmingLanguages: ['python', 'csharp'],
      skillLevel: 'intermediate',
      hardwareAccess: ['rtx_8gb'],
      primaryFocus: 'simulation',
    },
    startNow: 'r2 f2',
    afterwards: 'r3 r5 r6 s1 s2',
  },
  'Somebody with a Jetson only': {
    answers: {
      softwareExperience: 'intermediate',
      programmingLanguages: ['python'],
      skillLevel: 'intermediate',
      hardwareAccess: ['jetson_orin'],
      primaryFocus: 'edge',
    },
    startNow: 'r2 f2',
    afterwards: 'r3 e1 r4 r6 r7',
  },
}

for (const [name, { answers, startNow, afterwards }] of Object.entries(PERSONAS)) {
  describe(name, () => {
    it('starts with what the design says, and goes on as it says', () => {
      const advice = advise(answers)
      assert.equal(idsOf(advice.startNow).join(' '), startNow)
      assert.equal(idsOf(advice.afterwards).join(' '), afterwards)
    })

    it('comes to the end of the course by the first suggestion each time', () => {
      const done: Record<string, ProgressState> = {}
      const next = () => idsOf(advise(answers, done).startNow)[0]
      for (let id = next(); id !== undefined; id = next()) {
        assert.ok(done[id] === undefined, `${id} is suggested again`)
        done[id] = 'done'
      }
      const steps = Object.keys(done).length
      assert.ok(steps >= 25 && steps <= 31, `${steps} steps`)
      const left = advise(answers, done).all.filter(({ state }) => state !== 'done')
      assert.deepEqual(
        left.filter(({ lesson, state }) => state !== 'assumed' && !(lesson.id === 'e1' && state === 'needs_equipment')),
        [],
      )
    })
  })
}

describe('Somebody who skipped every question', () => {
  const asIf: Partial<Answers> = {
    softwareExperience: 'none',
    programmingLanguages: ['none'],
    skillLevel: 'beginner',
    hardwareAccess: ['none'],
    primaryFocus: 'balanced',
  }

  it('is advised as a beginner without programming, equipment or goals who wants the whole course', () => {
    assert.deepEqual(advise({}), advise(asIf))
    assert.deepEqual(advise({}), advise({ ...asIf, programmingLanguages: [], hardwareAccess: [], projectGoals: [] }))
    assert.equal(idsOf(advise({}).startNow).join(' '), 'f1')
    assert.equal(idsOf(advise({}).afterwards).join(' '), 'f2 r1 r2 r3 s1')
  })

  it('is advised so for each question alone', () => {
    const answered: Partial<Answers> = {
      softwareExperience: 'advanced',
      programmingLanguages: ['python'],
      skillLevel: 'advanced',
      hardwareAccess: ['rtx_24gb'],
      primaryFocus: 'isaac',
    }
    for (const name of Object.keys(asIf) as (keyof typeof asIf)[]) {
      const { [name]: _, ...skipped } = answered
      assert.deepEqual(advise(skipped), advise({ ...answered, [name]: asIf[name] }), name)
    }
  })

  it('is not advised by what they typed about goals', () => {
    assert.deepEqual(advise({ projectGoalsText: 'Work with NVIDIA Isaac' }), advise({}))
  })
})

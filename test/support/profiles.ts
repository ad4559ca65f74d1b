/** Learners as the recommendations see them: their answers and their progress. */
import { Answers } from '../../src/learning/answers.ts'
import { CATALOGUE } from '../../src/learning/catalogue.ts'
import type { Progress, ProgressState } from '../../src/learning/progress.ts'
import { HARDWARE_ACCESS, PRIMARY_FOCUS } from '../../src/learning/questions.ts'
import { type Advice, recommend } from '../../src/learning/recommendations.ts'

export type Device = Answers['hardwareAccess'][number]

export const answersOf = (given: Partial<Answers>): Answers => Answers.parse(given)

/** Progress as read from the database, built from lessons and their states. */
export const progressOf = (states: Readonly<Record<string, ProgressState>> = {}): Progress =>
  new Map(
    Object.entries(states).map(([id, state]) => [
      id,
      { state, before: undefined, beganAt: undefined, updatedAt: new Date('2026-01-01'), isReplacing: false },
    ]),
  )

export const advise = (given: Partial<Answers>, states: Readonly<Record<string, ProgressState>> = {}) =>
  recommend(CATALOGUE, answersOf(given), progressOf(states))

export const idsOf = (list: readonly Advice[]): string[] => list.map(({ lesson }) => lesson.id)

/** The advice on one lesson. @throws when it is not in the catalogue. */
export function adviceOn(id: string, given: Partial<Answers>, states: Readonly<Record<string, ProgressState>> = {}) {
  const advice = advise(given, states).all.find(({ lesson }) => lesson.id === id)
  if (advice === undefined) throw new Error(`there is no lesson ${id}`)
  return advice
}

export const codesOf = (list: readonly { code: string }[]): string[] => list.map(({ code }) => code)

/** Every device, without the answer "none". */
export const DEVICES: readonly Device[] = HARDWARE_ACCESS.map(({ value }) => value).filter((value) => value !== 'none')

export const KITS: readonly (readonly Device[])[] = [
  ['none'],
  ['laptop_cpu'],
  ['laptop_cpu', 'cloud_gpu'],
  ['rtx_8gb'],
  ['rtx_24gb', 'jetson_orin', 'depth_camera'],
  ['jetson_orin'],
  DEVICES,
]

export const FOCUSES = PRIMARY_FOCUS.map(({ value }) => value)
export const EXPERIENCES = ['none', 'beginner', 'intermediate', 'advanced'] as const
export const LEVELS = ['beginner', 'intermediate', 'advanced'] as const

const LANGUAGES: readonly Answers['programmingLanguages'][] = [['none'], ['python'], ['python', 'cpp'], ['csharp']]

const GOALS: readonly Answers['projectGoals'][] = [
  [],
  ['career'],
  ['humanoid', 'research'],
  ['autonomous_robot', 'ai_robotics', 'nvidia_isaac'],
  ['simulation', 'coursework'],
]

/** All 2,688 combinations. The goals take turns, so that each of them meets every other answer. */
export const PROFILES: readonly Answers[] = FOCUSES.flatMap((primaryFocus) =>
  KITS.flatMap((hardwareAccess) =>
    EXPERIENCES.flatMap((softwareExperience) =>
      LEVELS.flatMap((skillLevel) =>
        LANGUAGES.map((programmingLanguages) => ({
          primaryFocus,
          hardwareAccess: [...hardwareAccess],
          softwareExperience,
          skillLevel,
          programmingLanguages,
        })),
      ),
    ),
  ),
).map((profile, index) => answersOf({ ...profile, projectGoals: GOALS[index % GOALS.length] ?? [] }))

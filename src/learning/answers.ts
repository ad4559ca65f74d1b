/** What a learner may answer: one rule for the pages, the profile and the API. */
import { z } from 'zod'
import {
  GOALS_TEXT_MAX_LENGTH,
  HARDWARE_ACCESS,
  NONE,
  PRIMARY_FOCUS,
  PROGRAMMING_LANGUAGES,
  PROJECT_GOALS,
  QUESTIONS,
  type Question,
  SKILL_LEVEL,
  SOFTWARE_EXPERIENCE,
} from './questions.ts'

const UNKNOWN_OPTION = 'Select one of the listed options'

const messagesOf = (name: Question['name']) => {
  const { empty = '', contradiction = '' } = QUESTIONS.find((question) => question.name === name)?.messages ?? {}
  return { empty, contradiction }
}

const one = <Value extends string>(options: readonly { value: Value }[]) =>
  z.enum(options.map(({ value }) => value) as [Value, ...Value[]], { error: UNKNOWN_OPTION })

/** The same rule in JSON Schema. */
const NONE_BESIDE_OTHERS = { allOf: [{ contains: { const: NONE } }, { contains: { not: { const: NONE } } }] }

/** Each once and in the order of the question, so that the same answer is always the same list. */
const many = <Value extends string>(options: readonly { value: Value }[], name: Question['name']) =>
  z
    .array(one(options), { error: UNKNOWN_OPTION })
    .max(100, { error: UNKNOWN_OPTION })
    .refine((values) => !values.includes(NONE as Value) || new Set(values).size === 1, {
      error: messagesOf(name).contradiction || UNKNOWN_OPTION,
    })
    .transform((values) => options.map(({ value }) => value).filter((value) => values.includes(value)))
    // Says for the description of the API what comes out.
    .pipe(z.array(one(options)))
    .meta(options.some(({ value }) => value === NONE) ? { not: NONE_BESIDE_OTHERS } : {})

const TOO_LONG = `Tell us more in ${GOALS_TEXT_MAX_LENGTH} characters or fewer`

/** NFC makes one code point of at most four, each of at most two units. */
const UNITS_OF_ONE_MAX = 8

/** A letter, digit or sign. Fillers of some scripts count as letters and are blank all the same. */
const canBeSeen = (text: string): boolean =>
  /[\p{L}\p{N}\p{P}\p{S}]/u.test(text.replace(/[\u115f\u1160\u2800\u3164\uffa0]/g, ''))

/** Line breaks are part of it, space around it is not; a text in which nothing can be seen is no answer. */
const GoalsText = z
  .string({ error: 'Enter text' })
  // Bounded first: normalising takes time with the square of the length.
  .refine((text) => text.trim().length <= UNITS_OF_ONE_MAX * GOALS_TEXT_MAX_LENGTH, { error: TOO_LONG, abort: true })
  .refine((text) => !/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffd]|\p{Surrogate}/u.test(text), {
    error: 'Tell us more in text that a keyboard can type',
    abort: true,
  })
  .transform((text) => (canBeSeen(text) ? text.trim().replace(/\r\n?/g, '\n').normalize('NFC') : null))
  .pipe(
    z
      .string()
      .refine((text) => [...text].length <= GOALS_TEXT_MAX_LENGTH, { error: TOO_LONG })
      .nullable(),
  )
  .meta({
    maxLength: GOALS_TEXT_MAX_LENGTH,
    pattern: '^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f\\ufffd]*$',
  })

/** All answers. A question that was skipped is null, or an empty list. */
export const Answers = z.object({
  softwareExperience: one(SOFTWARE_EXPERIENCE).nullable().default(null),
  programmingLanguages: many(PROGRAMMING_LANGUAGES, 'programmingLanguages').default([]),
  skillLevel: one(SKILL_LEVEL).nullable().default(null),
  hardwareAccess: many(HARDWARE_ACCESS, 'hardwareAccess').default([]),
  primaryFocus: one(PRIMARY_FOCUS).nullable().default(null),
  projectGoals: many(PROJECT_GOALS, 'projectGoals').default([]),
  projectGoalsText: GoalsText.nullable().default(null),
})

export type Answers = z.output<typeof Answers>

export const NO_ANSWERS: Answers = Answers.parse({})

export const isAnswered = (answers: Answers, { name }: Pick<Question, 'name'>): boolean =>
  (answers[name]?.length ?? 0) > 0 || (name === 'projectGoals' && answers.projectGoalsText !== null)

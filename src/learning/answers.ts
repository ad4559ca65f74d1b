/** Which answers are valid. The pages, the profile and the API use the same rules. */
import { z } from 'zod'
import { hasVisibleCharacter, UNITS_OF_ONE_MAX } from '../base/text.ts'
import { type Answers as AnswersOf, NONE, QUESTIONS, type Question } from './questions.ts'

const UNKNOWN_OPTION = 'Select one of the listed options'

const one = (values: readonly string[]) => z.enum(values, { error: UNKNOWN_OPTION })

/** The rule about “none of these”, in JSON Schema. */
const NONE_BESIDE_OTHERS = { allOf: [{ contains: { const: NONE } }, { contains: { not: { const: NONE } } }] }

/** Each value once and in the order of the question, so that the same answer is always the same list. */
const many = (listed: readonly string[], contradiction = UNKNOWN_OPTION) =>
  z
    .array(one(listed), { error: UNKNOWN_OPTION })
    .max(100, { error: UNKNOWN_OPTION })
    .refine((values) => !values.includes(NONE) || new Set(values).size === 1, { error: contradiction })
    .transform((values) => listed.filter((value) => values.includes(value)))
    // Tells the description of the API what the result looks like.
    .pipe(z.array(one(listed)))
    .meta(listed.includes(NONE) ? { not: NONE_BESIDE_OTHERS } : {})

/** May have several lines. Space around the text is removed; a text without anything visible is no answer. */
function freeText({ label, maxLength }: { label: string; maxLength: number }) {
  const tooLong = `${label} in ${maxLength} characters or fewer`
  return (
    z
      .string({ error: 'Enter text' })
      // Checked first, because normalising takes time with the square of the length.
      .refine((text) => text.trim().length <= UNITS_OF_ONE_MAX * maxLength, { error: tooLong, abort: true })
      .refine((text) => !/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffd]|\p{Surrogate}/u.test(text), {
        error: `${label} in text that a keyboard can type`,
        abort: true,
      })
      .transform((text) => (hasVisibleCharacter(text) ? text.trim().replace(/\r\n?/g, '\n').normalize('NFC') : null))
      .pipe(
        z
          .string()
          .refine((text) => [...text].length <= maxLength, { error: tooLong })
          .nullable(),
      )
      .meta({ maxLength, pattern: '^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f\\ufffd]*$' })
  )
}

function rulesOf({ name, kind, options, messages, text }: Question): [string, z.ZodType][] {
  const values = options.map(({ value }) => value)
  const rule = kind === 'one' ? one(values).nullable().default(null) : many(values, messages.contradiction).default([])
  return [[name, rule], ...(text ? [[text.name, freeText(text).nullable().default(null)] as [string, z.ZodType]] : [])]
}

type Rules = { [Name in keyof AnswersOf]: z.ZodType<AnswersOf[Name]> }

/** What is left out is not answered: null, or an empty list. */
export const Answers = z.object(Object.fromEntries(QUESTIONS.flatMap(rulesOf)) as Rules)

export type Answers = AnswersOf

export const NO_ANSWERS: Answers = Answers.parse({})

export const isAnswered = (answers: Answers, { name, text }: Pick<Question, 'name' | 'text'>): boolean =>
  (answers[name]?.length ?? 0) > 0 || (text !== undefined && answers[text.name] !== null)

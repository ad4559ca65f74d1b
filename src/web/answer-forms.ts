/** Questions as forms: what is shown, and what is read back. The same for onboarding and for the profile page. */
import { Answers, isAnswered, NO_ANSWERS } from '../learning/answers.ts'
import type { Draft } from '../learning/profiles.ts'
import { NONE, QUESTIONS, type Question } from '../learning/questions.ts'
import type { FormError } from './forms.ts'

export const TEXT_FIELD = 'projectGoalsText'

/** A question as it is drawn: what is ticked, what is typed, what is wrong. */
export type AskedQuestion = {
  question: Question
  options: { value: string; label: string; id: string; ticked: boolean; exclusive: boolean }[]
  /** Undefined where there is nothing to type. */
  text: string | undefined
  errors: FormError[]
}

export type GivenAnswer = { ok: true; part: Draft } | { ok: false; asked: AskedQuestion }

/** `none` stands last, after an "or". A question of one choice can be left open again where `open` says so. */
function ask(question: Question, ticked: readonly string[], text: string, open: boolean): AskedQuestion {
  const left = open && question.kind === 'one' ? [{ value: '', label: 'Not answered' }] : []
  const options = [...question.options, ...left].map(({ value, label }, index) => ({
    value,
    label,
    // The first one carries the name, so that a message can lead to it.
    id: index === 0 ? question.name : `${question.name}-${value || 'open'}`,
    ticked: ticked.includes(value) || (value === '' && ticked.length === 0),
    exclusive: question.kind === 'many' && value === NONE,
  }))
  return { question, options, text: question.name === 'projectGoals' ? text : undefined, errors: [] }
}

export function askWith(question: Question, answers: Answers, { open = false } = {}): AskedQuestion {
  const ticked = [answers[question.name] ?? []].flat()
  return ask(question, ticked, answers.projectGoalsText ?? '', open)
}

/** As it was typed, whatever it is worth. */
export function askAsTyped(
  question: Question,
  typed: Record<string, string | string[]>,
  { open = false } = {},
): AskedQuestion {
  return ask(question, [typed[question.name] ?? []].flat(), [typed[TEXT_FIELD] ?? ''].flat()[0] ?? '', open)
}

/**
 * The answer in a form's body. Refused are options that are not listed, "none" beside others, text that is too long, and
 * where the question is the whole page, no answer at all: there is a button for skipping.
 */
export function readAnswer(question: Question, body: Record<string, unknown>, { open = false } = {}): GivenAnswer {
  const { name, kind, messages } = question
  const sent = [body[name] ?? []].flat().filter((value): value is string => typeof value === 'string' && value !== '')
  const given = kind === 'one' ? (sent.length > 1 ? sent : (sent[0] ?? null)) : sent
  const text = typeof body[TEXT_FIELD] === 'string' ? body[TEXT_FIELD] : ''
  const typed = name === 'projectGoals' ? Answers.shape.projectGoalsText.safeParse(body[TEXT_FIELD] ?? '') : undefined
  const parsed = Answers.shape[name].safeParse(given)

  const asked = ask(question, sent, text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g, ''), open)
  const refuse = (message = '', field: string = name) => asked.errors.push({ field, id: field, message })
  if (!parsed.success) refuse(parsed.error.issues[0]?.message)
  if (typed && !typed.success) refuse(typed.error.issues[0]?.message, TEXT_FIELD)
  if (!parsed.success || typed?.success === false) return { ok: false, asked }

  const part: Draft = { [name]: parsed.data, ...(typed ? { projectGoalsText: typed.data } : {}) }
  if (open || isAnswered({ ...NO_ANSWERS, ...part }, question)) return { ok: true, part }
  refuse(messages.empty)
  return { ok: false, asked }
}

/** The part of a draft that says a question was skipped. */
export const skipped = ({ name, kind }: Question): Draft => ({
  [name]: kind === 'one' ? null : [],
  ...(name === 'projectGoals' ? { projectGoalsText: null } : {}),
})

/** The answers in words, for reading through them. */
export const inWords = (answers: Answers) =>
  QUESTIONS.map((question) => ({
    question,
    words: [answers[question.name] ?? []]
      .flat()
      .map((value) => question.options.find((option) => option.value === value)?.label ?? value),
    text: question.name === 'projectGoals' ? answers.projectGoalsText : null,
  }))

export const unanswered = (answers: Answers): number =>
  QUESTIONS.filter((question) => !isAnswered(answers, question)).length

/** Questions as forms: what is shown, and what is read back. Onboarding and the profile page share them. */
import { Answers, isAnswered, NO_ANSWERS } from '../../learning/answers.ts'
import type { Draft } from '../../learning/profiles.ts'
import { NONE, QUESTIONS, type Question } from '../../learning/questions.ts'
import type { FormError } from './form.ts'

/** A question as it is drawn: what is ticked, what is typed, what is wrong. */
export type AskedQuestion = {
  question: Question
  options: { value: string; label: string; id: string; ticked: boolean; exclusive: boolean }[]
  /** What was typed beside the options. */
  typed: string
  errors: FormError[]
}

export type GivenAnswer = { ok: true; part: Draft } | { ok: false; asked: AskedQuestion }

/** With `open`, a question of one choice gets the option “Not answered”. */
function ask(question: Question, ticked: readonly string[], typed: string, open: boolean): AskedQuestion {
  const unanswered = open && question.kind === 'one' ? [{ value: '', label: 'Not answered' }] : []
  const options = [...question.options, ...unanswered].map(({ value, label }, index) => ({
    value,
    label,
    // The first option has the name as its id, so that the link of a message leads to it.
    id: index === 0 ? question.name : `${question.name}-${value || 'open'}`,
    ticked: ticked.includes(value) || (value === '' && ticked.length === 0),
    exclusive: question.kind === 'many' && value === NONE,
  }))
  return { question, options, typed, errors: [] }
}

export function askWith(question: Question, answers: Answers, { open = false } = {}): AskedQuestion {
  const ticked = [answers[question.name] ?? []].flat()
  return ask(question, ticked, (question.text && answers[question.text.name]) ?? '', open)
}

/** The question with the values of a form as they were sent, right or wrong. */
export function askAsTyped(
  question: Question,
  values: Record<string, string | string[]>,
  { open = false } = {},
): AskedQuestion {
  const { name, text } = question
  return ask(question, [values[name] ?? []].flat(), [(text && values[text.name]) ?? ''].flat()[0] ?? '', open)
}

/**
 * Reads the answer from the body of a form. Refuses options that are not listed, “none” together with others, and text
 * that is too long. Without `open` it also refuses an empty answer, because the page has a button for skipping.
 */
export function readAnswer(question: Question, body: Record<string, unknown>, { open = false } = {}): GivenAnswer {
  const { name, kind, messages, text } = question
  const sent = [body[name] ?? []].flat().filter((value): value is string => typeof value === 'string' && value !== '')
  // Two values for one choice are passed on as a list, which the rule then refuses.
  const given = kind === 'many' || sent.length > 1 ? sent : (sent[0] ?? null)
  const parsed = Answers.shape[name].safeParse(given)
  const typed = text && body[text.name]
  const parsedText = text && Answers.shape[text.name].safeParse(typed ?? '')

  const asked = ask(question, sent, typeof typed === 'string' ? withoutControls(typed) : '', open)
  const refuse = (message = '', field: string = name) => asked.errors.push({ field, id: field, message })
  if (!parsed.success) refuse(parsed.error.issues[0]?.message)
  if (parsedText?.success === false) refuse(parsedText.error.issues[0]?.message, text?.name)
  if (!parsed.success || parsedText?.success === false) return { ok: false, asked }

  const part: Draft = { [name]: parsed.data, ...(text ? { [text.name]: parsedText?.data ?? null } : {}) }
  if (open || isAnswered({ ...NO_ANSWERS, ...part }, question)) return { ok: true, part }
  refuse(messages.empty)
  return { ok: false, asked }
}

const withoutControls = (text: string): string =>
  text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g, '')

/** The part of a draft that says a question was skipped. */
export const skipped = ({ name, kind, text }: Question): Draft => ({
  [name]: kind === 'one' ? null : [],
  ...(text ? { [text.name]: null } : {}),
})

/** The answers in words, to be looked through. */
export const inWords = (answers: Answers) =>
  QUESTIONS.map((question) => ({
    question,
    words: [answers[question.name] ?? []]
      .flat()
      .map((value) => question.options.find((option) => option.value === value)?.label ?? value),
    text: question.text ? answers[question.text.name] : null,
  }))

export const unanswered = (answers: Answers): number =>
  QUESTIONS.filter((question) => !isAnswered(answers, question)).length

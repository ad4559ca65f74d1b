/** What learners do once they are logged in: answer the questions, check the answers, mark lessons. */
import { type HTMLElement, parse } from 'node-html-parser'
import type { Browser, Response } from './people.ts'

/** A list means that the field is sent more than once. */
export type Given = Record<string, string | readonly string[]>

/** The questions in their order, each with an answer. */
export const ANSWERS: Record<string, Given> = {
  programming: { softwareExperience: 'beginner' },
  languages: { programmingLanguages: ['python', 'csharp'] },
  robotics: { skillLevel: 'beginner' },
  equipment: { hardwareAccess: ['laptop_cpu', 'microphone'] },
  focus: { primaryFocus: 'vla' },
  goals: { projectGoals: ['ai_robotics', 'career'], projectGoalsText: 'A robot that waters plants.\nAnd finds them.' },
}

export const STEPS = Object.keys(ANSWERS)
export const FIRST_QUESTION = '/onboarding/programming'
export const CHECK = '/onboarding/check'

/** All answers above, as the profile page sends them. */
export const PROFILE: Given = Object.assign({}, ...Object.values(ANSWERS))

/** What `GET /api/profile` answers to somebody who has saved nothing. */
export const NOTHING_SAVED = {
  softwareExperience: null,
  programmingLanguages: [],
  skillLevel: null,
  hardwareAccess: [],
  primaryFocus: null,
  projectGoals: [],
  projectGoalsText: null,
  onboarded: false,
}

/** And to somebody who has saved all of `PROFILE`. */
export const SAVED = {
  ...PROFILE,
  projectGoalsText: 'A robot that waters plants.\nAnd finds them.',
  onboarded: true,
}

/** The lessons in the order of the course. */
export const LESSONS = [
  ...['f1', 'f2', 'r1', 'r2', 'r3', 'r4', 'r5', 'r6', 'r7', 's1', 's2', 's3', 's4', 's5', 's6', 's7'],
  ...['i1', 'i2', 'i3', 'i4', 'i5', 'i6', 'i7', 'i8', 'e1', 'h1', 'h2', 'h3', 'v1', 'v2', 'c1', 'x1'],
]

export const encode = (fields: Given): string =>
  new URLSearchParams(
    Object.entries(fields).flatMap(([name, value]) => [value].flat().map((one): [string, string] => [name, one])),
  ).toString()

/** Sends fields to a path with this session's CSRF token, whatever page is open. */
export async function send(browser: Browser, path: string, fields: Given): Promise<Response> {
  const token = await browser.token('/help')
  return browser.post(path, encode({ ...fields, _csrf: token }))
}

/** Answers a question. A wrong answer leads to the same page, which then says what is wrong: that is returned. */
export const answer = (browser: Browser, step: string, fields: Given = ANSWERS[step] ?? {}): Promise<Response> =>
  answerWith(browser, step, encode(fields))

/** The same with the fields as they are sent. */
export async function answerWith(browser: Browser, step: string, body: string): Promise<Response> {
  const path = `/onboarding/${step}`
  const response = await browser.post(path, `${body}&_csrf=${encodeURIComponent(await browser.token('/help'))}`)
  return response.headers.location === path ? browser.get(path) : response
}

export const skip = (browser: Browser, step: string): Promise<Response> => answer(browser, step, { action: 'skip' })

/** Answers the steps in `answered` and skips the others. Saves nothing yet. */
export async function passAll(browser: Browser, answered: readonly string[] = STEPS): Promise<void> {
  for (const step of STEPS) await (answered.includes(step) ? answer(browser, step) : skip(browser, step))
}

/** Opens the page with all answers and presses its button. */
export const saveAnswers = (browser: Browser): Promise<Response> => pressButton(browser, CHECK, '#save-answers-form')

/** Opens a page and sends one of its forms unchanged. */
export async function pressButton(browser: Browser, path: string, form: string): Promise<Response> {
  const page = parse((await browser.get(path)).text)
  return browser.post(page.querySelector(form)?.getAttribute('action') ?? '', encode(hiddenIn(page, form)))
}

export const hiddenIn = (page: HTMLElement, form: string): Given =>
  Object.fromEntries(
    page
      .querySelectorAll(`${form} input[type=hidden]`)
      .map((input) => [input.getAttribute('name') ?? '', input.getAttribute('value') ?? '']),
  )

export const mark = (browser: Browser, lesson: string, state: string, more: Given = {}): Promise<Response> =>
  send(browser, `/lessons/${lesson}/progress`, { state, ...more })

export async function markAll(browser: Browser, lessons: readonly string[], state: string): Promise<void> {
  for (const lesson of lessons) await mark(browser, lesson, state)
}

/** What is ticked and typed in the fields of a page, by field name. */
export function filledIn(html: string): Given {
  const page = parse(html)
  const filled: Record<string, string[]> = {}
  for (const input of page.querySelectorAll('main input[type=radio], main input[type=checkbox]')) {
    const name = input.getAttribute('name') ?? ''
    const ticked = input.hasAttribute('checked') ? [input.getAttribute('value') ?? ''] : []
    filled[name] = [...(filled[name] ?? []), ...ticked]
  }
  const [text] = page.querySelectorAll('main textarea')
  // Browsers ignore a line break right after `<textarea>`.
  return text === undefined ? filled : { ...filled, projectGoalsText: text.textContent.replace(/^\n/, '') }
}

/** The rows of a page of answers, by topic, each with its texts. */
export const rowsOf = (html: string): Record<string, string[]> =>
  Object.fromEntries(
    parse(html)
      .querySelectorAll('.answers > div')
      .map((row) => [
        row.querySelector('dt')?.text ?? '',
        row.querySelectorAll('dd:not(:has(a))').map(({ text }) => text),
      ]),
  )

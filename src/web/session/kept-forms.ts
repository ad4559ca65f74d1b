/**
 * Forms that were sent after their session had ended. What was typed goes through the login page, sealed, and afterwards
 * stands in the form again, for the same person only. The form is never sent again without the learner. Questions that
 * come back with a message use the same way, so that a page with a message is opened like any other.
 */
import { createHmac } from 'node:crypto'
import { promisify } from 'node:util'
import type { Request } from 'express'
import { z } from 'zod'
import { isSameText } from '../../base/same-text.ts'
import { open, seal } from '../../base/sealing.ts'
import type { Deps } from '../../deps.ts'
import { fieldsOf, QUESTIONS, type Question } from '../../learning/questions.ts'

const KEPT_MS = 15 * 60_000
/** It is sent along with the login form, which must stay below the limit of a form. */
const KEPT_MAX_LENGTH = 8_000
const SEALED_AS = 'kept form'

const namesOf = (question: Question): string[] => fieldsOf(question).map(({ name }) => name)

/** The forms that are kept, each with the fields that are: never a password or a code. */
const FIELDS: Record<string, readonly string[]> = {
  '/account': ['name'],
  '/account/email-change': ['email'],
  '/profile': QUESTIONS.flatMap(namesOf),
  ...Object.fromEntries(QUESTIONS.map((question) => [`/onboarding/${question.slug}`, [...namesOf(question), 'from']])),
}

const KeptForm = z.object({
  path: z.string(),
  values: z.record(z.string(), z.union([z.string(), z.array(z.string())])),
  mark: z.string(),
  until: z.number(),
  /** Whether it waits because something in it is wrong, not because a session had ended. */
  wrong: z.boolean().default(false),
})
export type KeptForm = z.output<typeof KeptForm>

const sign = (userId: string, key: Buffer) => createHmac('sha256', key).update(userId).digest('base64url').slice(0, 22)

/** Marks a form as this learner's. Only this server can read the mark. */
export const ownerMark = ({ keptFormKeys: [newest = Buffer.alloc(0)] }: Deps, userId: string): string =>
  sign(userId, newest)

export const isMarkOf = ({ keptFormKeys }: Deps, mark: string, userId: string): boolean =>
  keptFormKeys.some((key) => isSameText(mark, sign(userId, key)))

/** The form that waits for this person, still sealed. Anybody else's form is dropped. */
export function keptFor(deps: Deps, userId: string, sealed: unknown): string | undefined {
  const form = openForm(sealed, deps)
  return form && isMarkOf(deps, form.mark, userId) ? String(sealed) : undefined
}

/** Seals the form of a request. Returns undefined if it is not one of those that are kept, or empty, or too long. */
export function sealForm(req: Request, deps: Deps, mark: string, wrong = false): string | undefined {
  const path = req.path.replace(/\/$/, '')
  const fields = Object.hasOwn(FIELDS, path) ? (FIELDS[path] ?? []) : []
  const typed = fields.flatMap((field) => (req.body?.[field] === undefined ? [] : [[field, req.body[field]]]))
  const form: KeptForm = { path, values: Object.fromEntries(typed), mark, until: deps.now() + KEPT_MS, wrong }
  const text = JSON.stringify(form)
  const isEmpty = typed.length === 0 && !wrong
  if (fields.length === 0 || isEmpty || mark === '' || text.length > KEPT_MAX_LENGTH) return undefined
  return seal(Buffer.from(text), SEALED_AS, deps.keptFormKeys)
}

/** Opens a sealed form; undefined if it is too old or was not sealed by us. */
export function openForm(sealed: unknown, deps: Deps): KeptForm | undefined {
  if (typeof sealed !== 'string' || sealed === '') return undefined
  const opened = open(sealed, SEALED_AS, deps.keptFormKeys)
  const { data } = KeptForm.safeParse(opened && JSON.parse(opened.secret.toString()))
  return data && data.until > deps.now() ? data : undefined
}

/**
 * Keeps a form that is wrong until its page is opened next. Returns false if it is too long to be kept. Unlike the answer
 * to a POST, that page can be gone back to: the browser opens it anew, and it shows what is saved by then.
 */
export async function keepWrongForm(req: Request, deps: Deps): Promise<boolean> {
  const kept = req.user && sealForm(req, deps, ownerMark(deps, req.user.id), true)
  if (kept === undefined) return false
  req.session.kept = kept
  await promisify(req.session.save).call(req.session)
  return true
}

/** What this learner had typed into the form of this page before their session ended. Returned once, then deleted. */
export const takeKeptForm = (req: Request, deps: Deps): KeptForm['values'] | undefined => take(req, deps, false)

/** What this learner has just sent from this page, and was wrong. Returned once, then deleted. */
export const takeWrongForm = (req: Request, deps: Deps): KeptForm['values'] | undefined => take(req, deps, true)

function take(req: Request, deps: Deps, wrong: boolean): KeptForm['values'] | undefined {
  const kept = req.user && req.method === 'GET' ? req.session.kept : undefined
  if (kept === undefined) return undefined
  const form = openForm(kept, deps)
  if (form && (form.path !== req.path.replace(/\/$/, '') || form.wrong !== wrong)) return undefined
  delete req.session.kept
  return form && req.user && isMarkOf(deps, form.mark, req.user.id) ? form.values : undefined
}

/** The text of a field that has only one. */
export const textOf = (values: KeptForm['values'] | undefined, field: string): string | undefined =>
  [values?.[field] ?? []].flat()[0]

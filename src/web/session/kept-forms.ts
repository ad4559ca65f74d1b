/**
 * Forms that were sent after their session had ended. What was typed goes through the login page, sealed, and afterwards
 * stands in the form again, for the same person only. The form is never sent again without the learner.
 */
import { createHmac } from 'node:crypto'
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
  ...Object.fromEntries(QUESTIONS.map((question) => [`/onboarding/${question.slug}`, namesOf(question)])),
}

const KeptForm = z.object({
  path: z.string(),
  values: z.record(z.string(), z.union([z.string(), z.array(z.string())])),
  mark: z.string(),
  until: z.number(),
})
export type KeptForm = z.output<typeof KeptForm>

const sign = (userId: string, key: Buffer) => createHmac('sha256', key).update(userId).digest('base64url').slice(0, 22)

/** Marks a form as this learner's. Only this server can read the mark. */
export const ownerMark = ({ keptFormKeys: [newest = Buffer.alloc(0)] }: Deps, userId: string): string =>
  sign(userId, newest)

export const isMarkOf = ({ keptFormKeys }: Deps, mark: string, userId: string): boolean =>
  keptFormKeys.some((key) => isSameText(mark, sign(userId, key)))

/** Seals the form of a request. Returns undefined if it is not one of those that are kept, or too long. */
export function sealForm(req: Request, deps: Deps, mark: string): string | undefined {
  const path = req.path.replace(/\/$/, '')
  const fields = Object.hasOwn(FIELDS, path) ? (FIELDS[path] ?? []) : []
  const typed = fields.flatMap((field) => (req.body?.[field] === undefined ? [] : [[field, req.body[field]]]))
  const form: KeptForm = { path, values: Object.fromEntries(typed), mark, until: deps.now() + KEPT_MS }
  const text = JSON.stringify(form)
  if (typed.length === 0 || mark === '' || text.length > KEPT_MAX_LENGTH) return undefined
  return seal(Buffer.from(text), SEALED_AS, deps.keptFormKeys)
}

/** Opens a sealed form; undefined if it is too old or was not sealed by us. */
export function openForm(sealed: unknown, deps: Deps): KeptForm | undefined {
  if (typeof sealed !== 'string' || sealed === '') return undefined
  const opened = open(sealed, SEALED_AS, deps.keptFormKeys)
  const { data } = KeptForm.safeParse(opened && JSON.parse(opened.secret.toString()))
  return data && data.until > deps.now() ? data : undefined
}

/** What this learner had typed into the form of this page. It is returned once and then deleted. */
export function takeKeptForm(req: Request, deps: Deps): KeptForm['values'] | undefined {
  const kept = req.user && req.method === 'GET' ? req.session.kept : undefined
  if (kept === undefined) return undefined
  const form = openForm(kept, deps)
  if (form && form.path !== req.path.replace(/\/$/, '')) return undefined
  delete req.session.kept
  return form && req.user && isMarkOf(deps, form.mark, req.user.id) ? form.values : undefined
}

/** The text of a field that has only one. */
export const textOf = (values: KeptForm['values'] | undefined, field: string): string | undefined =>
  [values?.[field] ?? []].flat()[0]

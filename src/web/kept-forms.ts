/**
 * A form that was sent after its session had ended: what was typed travels sealed through the login page and stands in
 * the form again afterwards, for the same person only. It is never sent by itself.
 */
import { createHmac } from 'node:crypto'
import type { Request } from 'express'
import { z } from 'zod'
import { open, seal } from '../accounts/sealing.ts'
import type { Deps } from '../deps.ts'
import { QUESTIONS } from '../learning/questions.ts'
import { TEXT_FIELD } from './answer-forms.ts'
import { isSameText } from './same-text.ts'

const KEPT_MS = 15 * 60_000
/** Sealed and sent with the login form, it must stay within the limit of a form. */
const KEPT_MAX_LENGTH = 8_000
const SEALED_AS = 'kept form'

const ANSWER_FIELDS = [...QUESTIONS.map(({ name }) => name), TEXT_FIELD]

/** Which forms are kept, and of each which fields: never a password or a code. */
const FIELDS: Record<string, readonly string[]> = {
  '/account': ['name'],
  '/account/email': ['email'],
  '/profile': ANSWER_FIELDS,
  ...Object.fromEntries(QUESTIONS.map(({ slug, name }) => [`/onboarding/${slug}`, [name, TEXT_FIELD]])),
}

const KeptForm = z.object({
  path: z.string(),
  values: z.record(z.string(), z.union([z.string(), z.array(z.string())])),
  mark: z.string(),
  until: z.number(),
})
export type KeptForm = z.output<typeof KeptForm>

const sign = (userId: string, key: Buffer) => createHmac('sha256', key).update(userId).digest('base64url').slice(0, 22)

/** Says in a form whose it is, to nobody but this server. */
export const ownerMark = ({ keptFormKeys: [newest = Buffer.alloc(0)] }: Deps, userId: string): string =>
  sign(userId, newest)

export const isMarkOf = ({ keptFormKeys }: Deps, mark: string, userId: string): boolean =>
  keptFormKeys.some((key) => isSameText(mark, sign(userId, key)))

/** The sealed form of a request that came too late; undefined where it is not one of those kept, or is too long. */
export function sealForm(req: Request, deps: Deps, mark: string): string | undefined {
  const path = req.path.replace(/\/$/, '')
  const fields = Object.hasOwn(FIELDS, path) ? (FIELDS[path] ?? []) : []
  const typed = fields.flatMap((field) => (req.body?.[field] === undefined ? [] : [[field, req.body[field]]]))
  const form: KeptForm = { path, values: Object.fromEntries(typed), mark, until: deps.now() + KEPT_MS }
  const text = JSON.stringify(form)
  if (typed.length === 0 || mark === '' || text.length > KEPT_MAX_LENGTH) return undefined
  return seal(Buffer.from(text), SEALED_AS, deps.keptFormKeys)
}

/** What was sealed, while it is young and the server's own. */
export function openForm(sealed: unknown, deps: Deps): KeptForm | undefined {
  if (typeof sealed !== 'string' || sealed === '') return undefined
  const opened = open(sealed, SEALED_AS, deps.keptFormKeys)
  const { data } = KeptForm.safeParse(opened && JSON.parse(opened.secret.toString()))
  return data && data.until > deps.now() ? data : undefined
}

/** What this learner had typed into the form of this page, once; it is then gone. */
export function takeKeptForm(req: Request, deps: Deps): KeptForm['values'] | undefined {
  const { kept } = req.session
  if (kept === undefined || req.method !== 'GET') return undefined
  const form = openForm(kept, deps)
  if (form && form.path !== req.path.replace(/\/$/, '')) return undefined
  delete req.session.kept
  return form && req.user && isMarkOf(deps, form.mark, req.user.id) ? form.values : undefined
}

/** The one text of a field that was typed once. */
export const textOf = (values: KeptForm['values'] | undefined, field: string): string | undefined =>
  [values?.[field] ?? []].flat()[0]

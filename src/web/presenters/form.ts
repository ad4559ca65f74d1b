/** Forms that come back as the person left them: what was typed, all messages at once, and never the password. */
import type { z } from 'zod'

/** The fields of a form in page order, each with the id of its input. */
export type FormFields = Record<string, { id: string; secret?: true }>

export type FormError = { field: string; id: string; message: string }
export type FormState = { values: Record<string, string>; errors: FormError[]; fields: FormFields }

export type Form<Data> = { ok: true; data: Data; state: FormState } | { ok: false; state: FormState }

export const blankForm = (fields: FormFields, values: Record<string, string> = {}): FormState => ({
  values,
  errors: [],
  fields,
})

/** Reads a body by its schema. One message for each field, in page order; a field sent twice is a mistake like another. */
export function parseForm<Schema extends z.ZodType>(
  fields: FormFields,
  schema: Schema,
  body: Record<string, unknown>,
): Form<z.output<Schema>> {
  const typed = Object.entries(fields).filter(([, { secret }]) => !secret)
  const values = Object.fromEntries(typed.map(([name]) => [name, shown(body[name])]))
  const parsed = schema.safeParse(body)
  if (parsed.success) return { ok: true, data: parsed.data, state: { values, errors: [], fields } }
  const errors = Object.entries(fields).flatMap(([field, { id }]) => {
    const issue = parsed.error.issues.find(({ path }) => path[0] === field)
    return issue ? [{ field, id, message: issue.message }] : []
  })
  return { ok: false, state: { values, errors, fields } }
}

/** The same form with a message of our own. */
export function refuse(state: FormState, field: string, message: string): FormState {
  return { ...state, errors: [{ field, id: state.fields[field]?.id ?? field, message }] }
}

/** Control characters have no place in a page; everything else is kept as typed. */
function shown(value: unknown): string {
  return typeof value === 'string' ? value.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g, '') : ''
}

/** Forms that come back as the person left them, with all messages at once. A password never comes back. */
import type { z } from 'zod'

/** The fields of a form in the order of the page, each with the id of its input. */
export type FormFields = Record<string, { id: string; secret?: true }>

/** `isQuestion`: it asks, and the form is taken as it is when it is sent again. */
export type FormError = { field: string; id: string; message: string; isQuestion?: true }
export type FormState = {
  values: Record<string, string>
  errors: FormError[]
  fields: FormFields
  /** In so many seconds the form may be sent again. The script counts them down. */
  sendIn?: number
}

export type Form<Data> = { ok: true; data: Data; state: FormState } | { ok: false; state: FormState }

export const blankForm = (fields: FormFields, values: Record<string, string> = {}): FormState => ({
  values,
  errors: [],
  fields,
})

/** Checks a body against its schema. There is one message for each wrong field, in the order of the page. */
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

/** The same form with another message. */
export function refuse(state: FormState, field: string, message: string): FormState {
  return { ...state, errors: [{ field, id: state.fields[field]?.id ?? field, message }] }
}

/** What was typed, without control characters, which do not belong in a page. */
function shown(value: unknown): string {
  return typeof value === 'string' ? value.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g, '') : ''
}

/** “Did you mean …?”: asked once about an address that looks mistyped, before anything is looked up. Never a refusal. */
import { suggestAddress } from '../../accounts/address-suggestion.ts'
import { Email } from '../../accounts/fields.ts'
import type { FormState } from './form.ts'

/** A field of the form that says which address was asked about. Sent again unchanged, the address is taken as it is. */
export const ASKED_FIELD = { asked: { id: 'asked' } } as const

/** The form with the question at its field `email`, beside what else is wrong; undefined if there is nothing to ask. */
export function askAboutAddress(state: FormState): FormState | undefined {
  const { data: email } = Email.safeParse(state.values.email)
  const meant = email && suggestAddress(email)
  if (email === undefined || meant === undefined || state.values.asked === email) return undefined
  const message = `Did you mean ${meant}? Correct the address, or leave it if ${email} is right`
  const errors = [
    ...state.errors,
    { field: 'email', id: state.fields.email?.id ?? 'email', message, isQuestion: true as const },
  ]
  const places = Object.keys(state.fields)
  errors.sort((one, other) => places.indexOf(one.field) - places.indexOf(other.field))
  return { ...state, errors, values: { ...state.values, asked: email } }
}

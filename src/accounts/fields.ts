/** Rules for what people type. Pages and API share them, so that both accept the same and store the same. */
import { z } from 'zod'
import { hasVisibleCharacter, UNITS_OF_ONE_MAX } from '../base/text.ts'
import { isCommonPassword } from './passwords/common-passwords.ts'

export const EMAIL_MAX_LENGTH = 254
/** RFC 5321 section 4.5.3.1.1 */
const EMAIL_LOCAL_PART_MAX_LENGTH = 64
export const NAME_MAX_LENGTH = 100
const NAME_TOO_LONG = `Name must be ${NAME_MAX_LENGTH} characters or fewer`
export const PASSWORD_MAX_LENGTH = 128
const IMAGE_MAX_LENGTH = 2000

const codePoints = (text: string): number => [...text].length

/**
 * Whether the text has more than `max` characters. A letter with an accent counts as one, however it was typed. The number
 * of units is checked first, because normalising takes time with the square of the length.
 */
const isLongerThan = (max: number, text: string): boolean =>
  text.length > UNITS_OF_ONE_MAX * max || codePoints(text.normalize('NFC')) > max

/** C0 and C1 control characters, which break headers and logs. Not the tab, which comes along when a table cell is copied. */
const hasControlCharacter = (text: string): boolean =>
  /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029]/.test(text)

/** A lone surrogate, or U+FFFD, which replaces damaged bytes. With these, different inputs would be stored as the same text. */
const isDamaged = (text: string): boolean => /\p{Surrogate}|\ufffd/u.test(text)

/** Characters that nobody sees: soft hyphen, zero-width space, byte-order mark, and marks for the direction of text. */
const INVISIBLE = /[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g

/**
 * What HTML defines for the email field of a browser (ASCII only), with two rules more: a dot in the host name (RFC 5321),
 * and before the `@` no dot at either end or beside another dot.
 */
const ATOM = "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+"
const LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?'
const TOP_LABEL = '[a-zA-Z](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?'
export const EMAIL_PATTERN = `^(?=[^@]{1,${EMAIL_LOCAL_PART_MAX_LENGTH}}@)${ATOM}(?:\\.${ATOM})*@(?:${LABEL}\\.)+${TOP_LABEL}$`
const EMAIL = new RegExp(EMAIL_PATTERN)
const isEmailAddress = (text: string): boolean => EMAIL.test(text)

/**
 * An address, in lower case. It must be ASCII before it is lower-cased: otherwise U+212A would become the `k` of another
 * person's address (CVE-2019-19844). Spaces around it are removed.
 */
export const Email = z
  .string({ error: 'Enter your email address' })
  .transform((text) => text.replace(/^ +|(?<! ) +$/g, ''))
  .pipe(
    z
      .string()
      .min(1, { error: 'Enter your email address', abort: true })
      .max(EMAIL_MAX_LENGTH, { error: `Email address must be ${EMAIL_MAX_LENGTH} characters or fewer`, abort: true })
      .refine(isEmailAddress, { error: 'Enter an email address in the correct format, like name@example.com' }),
  )
  .transform((text) => text.toLowerCase())

/** A name in any script: invisible characters are removed, spaces collapsed, and it becomes NFC. */
export const DisplayName = z
  .string({ error: 'Enter your name' })
  .refine((text) => !hasControlCharacter(text) && !isDamaged(text), {
    error: 'Name must be one line of letters, spaces and punctuation',
    abort: true,
  })
  .refine((text) => text.length <= UNITS_OF_ONE_MAX * NAME_MAX_LENGTH, { error: NAME_TOO_LONG, abort: true })
  .transform((text) => text.normalize('NFC').replace(INVISIBLE, '').replace(/\s+/g, ' ').trim())
  .pipe(
    z
      .string()
      .refine(hasVisibleCharacter, { error: 'Enter your name', abort: true })
      .refine((text) => codePoints(text) <= NAME_MAX_LENGTH, { error: NAME_TOO_LONG }),
  )

/** The address of a picture. */
export const Image = z
  .string()
  .max(IMAGE_MAX_LENGTH)
  .refine((text) => /^[^\s\p{Cc}\p{Surrogate}]+$/u.test(text) && z.httpUrl().safeParse(text).success, {
    error: 'Must be an http or https address',
  })
  .meta({ format: 'uri', pattern: '^[Hh][Tt][Tt][Pp][Ss]?://[^\\s]+$' })

/** A password to log in with. It is not trimmed. Its length is limited before it is hashed. */
export const CurrentPassword = z
  .string({ error: 'Enter your password' })
  .min(1, { error: 'Enter your password' })
  .refine((text) => !isLongerThan(PASSWORD_MAX_LENGTH, text), {
    error: `Password must be ${PASSWORD_MAX_LENGTH} characters or fewer`,
    params: { length: 'too-long' },
  })

/** A new password. Its length is counted in code points, and it is not trimmed (NIST SP 800-63B-4, ASVS 6.2.1 to 6.2.9). */
export const newPassword = (minLength: number) =>
  z
    .string({ error: 'Enter a password' })
    .min(1, { error: 'Enter a password', abort: true })
    .refine((text) => !isDamaged(text), { error: 'Password must be text that a keyboard can type', abort: true })
    .refine((text) => isLongerThan(minLength - 1, text), {
      error: `Password must be ${minLength} characters or more`,
      abort: true,
      params: { length: 'too-short' },
    })
    .refine((text) => !isLongerThan(PASSWORD_MAX_LENGTH, text), {
      error: `Password must be ${PASSWORD_MAX_LENGTH} characters or fewer`,
      abort: true,
      params: { length: 'too-long' },
    })
    .refine((text) => !isCommonPassword(text), { error: 'Do not use a very common password' })

/** The fields of a sign-up. The password must not be the person's own name or address. */
export const signUpFields = (passwordMinLength: number) =>
  z
    .object({ name: DisplayName, email: Email, password: newPassword(passwordMinLength) })
    .superRefine((fields, context) => {
      if (isOwn(fields, fields.password)) {
        context.addIssue({ code: 'custom', path: ['password'], message: OWN_PASSWORD })
      }
    })

/** A new password for somebody with this name and address. */
export const newPasswordOf = (person: { name: string; email: string }, minLength: number) =>
  newPassword(minLength).refine((text) => !isOwn(person, text), { error: OWN_PASSWORD })

/** What is said of a change to the password that somebody has already. */
export const SAME_PASSWORD = 'Enter a password that is not your current one'

/** Whether both are one password, however its accents were typed. */
export const isSamePassword = (one: string, other: string): boolean =>
  [one, other].every((text) => !isLongerThan(PASSWORD_MAX_LENGTH, text)) &&
  one.normalize('NFC') === other.normalize('NFC')

const OWN_PASSWORD = 'Do not use your name or email address as your password'

function isOwn({ name, email }: { name: string; email: string }, password: string): boolean {
  const given = password.normalize('NFC').toLowerCase()
  return [name, email, email.split('@')[0] ?? ''].some((text) => text.toLowerCase() === given)
}

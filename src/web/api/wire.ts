/** What the API sends and receives, with Better Auth's names. The schemas check calls and describe the API. */
import { z } from 'zod'
import {
  DisplayName,
  EMAIL_MAX_LENGTH,
  EMAIL_PATTERN,
  Email,
  NAME_MAX_LENGTH,
  PASSWORD_MAX_LENGTH,
} from '../../accounts/fields.ts'
import type { User as Account } from '../../accounts/users.ts'
import type { Session as OpenSession } from '../../sessions/sessions.ts'

const Moment = z.iso.datetime().meta({ description: 'UTC, milliseconds' })

export const User = z
  .object({
    name: z.string(),
    email: z.string().meta({ description: 'In lower case' }),
    emailVerified: z.boolean(),
    image: z.string().nullable(),
    createdAt: Moment,
    updatedAt: Moment,
    id: z.string(),
  })
  .meta({ id: 'User' })

export const toUser = ({ name, email, emailVerified, image, createdAt, updatedAt, id }: Account) => ({
  name,
  email,
  emailVerified,
  image,
  createdAt,
  updatedAt,
  id,
})

export const Session = z
  .object({
    expiresAt: Moment,
    token: z.string().meta({ description: 'Names the session and opens nothing: for `revoke-session`' }),
    createdAt: Moment,
    updatedAt: Moment.meta({ description: 'Last seen, to the minute' }),
    ipAddress: z.string(),
    userAgent: z.string(),
    userId: z.string(),
    id: z.string(),
    current: z.boolean().optional().meta({ description: 'In lists: whether it is the one that asks' }),
  })
  .meta({ id: 'Session' })

export const toSession = ({
  handle,
  userId,
  createdAt,
  seenAt,
  expiresAt,
  ipAddress,
  userAgent,
}: OpenSession): Record<string, unknown> => ({
  expiresAt,
  token: handle,
  createdAt,
  updatedAt: seenAt,
  ipAddress,
  userAgent,
  userId,
  id: handle,
})

/** The answer to a right password where a second step follows. Nobody is signed in by it. */
export const SecondStep = z.object({ twoFactorRedirect: z.literal(true), twoFactorMethods: z.array(z.literal('totp')) })
export const SECOND_STEP = { twoFactorRedirect: true, twoFactorMethods: ['totp'] } as const

export const Done = z.object({ status: z.literal(true) })
export const Success = z.object({ success: z.literal(true) })

/** The rule for a field of a form, for JSON bodies. The contract sometimes wants another message. */
const asOnPages = (field: z.ZodType<string>, message?: string) =>
  z
    .string()
    .superRefine((text, context) => {
      for (const issue of field.safeParse(text).error?.issues ?? []) {
        context.addIssue({ code: 'custom', message: message ?? issue.message })
      }
    })
    .transform((text) => field.parse(text))

/** The rule for addresses in JSON Schema, for the description. */
const EMAIL = { format: 'email', maxLength: EMAIL_MAX_LENGTH, pattern: EMAIL_PATTERN }

export const EmailAddress = asOnPages(Email, 'Invalid email address').meta({
  description: 'An email address, compared in lower case',
  ...EMAIL,
})

/** For signing in, where a wrong address is refused with a code of its own. */
export const EmailToSignIn = z.string().meta(EMAIL)

/** A password to sign in with. It may be wrong, but not endless. */
export const PasswordToSignIn = z.string().meta({ format: 'password', maxLength: PASSWORD_MAX_LENGTH })

/** A new password. The endpoint checks its rules, because it knows whose password it is. */
export const PasswordToSet = (minLength: number) =>
  z.string().min(1).meta({
    format: 'password',
    minLength,
    maxLength: PASSWORD_MAX_LENGTH,
    description: 'Counted in code points. Very common ones are refused, and one’s own name or address.',
  })

/** The rule of the pages, but API clients may leave the name empty. */
export const Name = asOnPages(
  z.literal('').or(DisplayName),
  'Must be one line of visible text, 100 characters or fewer',
).meta({
  maxLength: NAME_MAX_LENGTH,
  pattern: '^[^\\u0000-\\u0008\\u000a-\\u001f\\u007f-\\u009f\\u2028\\u2029\\ufffd]*$',
})

/** For endpoints with `leadsTo`, which check it against the trusted origins. */
export const CallbackUrl = z.string().meta({ description: 'A path here, or an address at a trusted origin' })

/**
 * How the API refuses: with a status and `{ code, message }`. Codes and texts are those of Better Auth 1.7, because its
 * clients compare them. Our own come after.
 */
import type { ServerResponse } from 'node:http'
import type { z } from 'zod'

export const REFUSALS = {
  AUTHENTICATION_FAILED: [400, 'Authentication failed'],
  BACKUP_CODES_NOT_ENABLED: [400, "Backup codes aren't enabled"],
  BAD_REQUEST: [400, 'The request cannot be read'],
  CHANGE_EMAIL_DISABLED: [400, 'Change email is disabled'],
  EMAIL_ALREADY_VERIFIED: [400, 'Email is already verified'],
  EMAIL_CAN_NOT_BE_UPDATED: [400, 'Email can not be updated'],
  EMAIL_IS_THE_SAME: [400, 'Email is the same'],
  EMAIL_MISMATCH: [400, 'Email mismatch'],
  CHALLENGE_NOT_FOUND: [400, 'Challenge not found'],
  FAILED_TO_VERIFY_REGISTRATION: [400, 'Failed to verify registration'],
  INVALID_EMAIL: [400, 'Invalid email'],
  INVALID_PASSWORD: [400, 'Invalid password'],
  NO_FIELDS_TO_UPDATE: [400, 'No fields to update'],
  INVALID_OTP: [400, 'Invalid OTP'],
  OTP_EXPIRED: [400, 'OTP expired'],
  OTP_MAIL_NOT_SET_UP: [400, 'send email verification is not implemented'],
  OTP_NOT_CONFIGURED: [400, 'OTP is not available'],
  OTP_TYPE_INVALID: [400, 'Invalid OTP type'],
  PASSWORD_COMPROMISED: [400, 'The password you entered has been compromised. Please choose a different password.'],
  PASSWORD_TOO_LONG: [400, 'Password too long'],
  PASSWORD_TOO_SHORT: [400, 'Password too short'],
  PREVIOUSLY_REGISTERED: [400, 'Previously registered'],
  RESET_PASSWORD_DISABLED: [400, "Reset password isn't enabled"],
  RESET_TOKEN_INVALID: [400, 'Invalid token'],
  SESSION_EXPIRED: [400, 'Session expired. Re-authenticate to perform this action.'],
  TOTP_ALREADY_ENABLED: [400, 'TOTP is already enabled'],
  TOTP_NOT_ENABLED: [400, 'TOTP not enabled'],
  TWO_FACTOR_NOT_ENABLED: [400, "Two factor isn't enabled"],
  VALIDATION_ERROR: [400, 'Validation Error'],
  VERIFICATION_EMAIL_NOT_ENABLED: [400, "Verification email isn't enabled"],
  INVALID_BACKUP_CODE: [401, 'Invalid backup code'],
  INVALID_CODE: [401, 'Invalid code'],
  INVALID_EMAIL_OR_PASSWORD: [401, 'Invalid email or password'],
  INVALID_TOKEN: [401, 'Invalid token'],
  INVALID_TWO_FACTOR_COOKIE: [401, 'Invalid two factor cookie'],
  INVALID_USER: [401, 'Invalid user'],
  PASSKEY_NOT_FOUND: [401, 'Passkey not found'],
  TOKEN_EXPIRED: [401, 'Token expired'],
  UNAUTHORIZED: [401, 'Unauthorized'],
  CROSS_SITE_NAVIGATION_LOGIN_BLOCKED: [
    403,
    'Cross-site navigation login blocked. This request appears to be a CSRF attack.',
  ],
  BANNED_USER: [
    403,
    'You have been banned from this application. Please contact support if you believe this is an error.',
  ],
  EMAIL_NOT_VERIFIED: [403, 'Email not verified'],
  INVALID_CALLBACK_URL: [403, 'Invalid callbackURL'],
  INVALID_ORIGIN: [403, 'Invalid origin'],
  INVALID_REDIRECT_URL: [403, 'Invalid redirectURL'],
  MISSING_OR_NULL_ORIGIN: [403, 'Missing or null Origin'],
  SESSION_NOT_FRESH: [403, 'Session is not fresh'],
  TOO_MANY_ATTEMPTS: [403, 'Too many attempts'],
  PASSKEY_TO_CHANGE_NOT_FOUND: [404, 'Passkey not found'],
  DELETE_TOKEN_INVALID: [404, 'Invalid token'],
  METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED: [
    405,
    'POST method requires deferSessionRefresh to be enabled in session config',
  ],
  UNSUPPORTED_MEDIA_TYPE: [415, 'This content type is not allowed'],
  USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL: [422, 'User already exists. Use another email.'],
  ACCOUNT_TEMPORARILY_LOCKED: [
    429,
    'Too many failed verification attempts. Your account is temporarily locked. Please try again later.',
  ],
  RATE_LIMITED: [429, 'Too many requests. Please try again later.'],
  // Our own.
  LAST_WAY_IN: [403, 'Without this passkey, nobody could sign in to the account. Set a password first.'],
  TOO_MANY_PASSKEYS: [403, 'An account can have ten passkeys'],
  SIGN_IN_TO_CONFIRM: [403, 'Sign in first, or open the link of the email in a browser'],
  INVALID_REFRESH_TOKEN: [401, 'This refresh token is unknown, used or over'],
  SERVICE_KEY_LACKS_RIGHT: [403, 'This service key may not do that'],
  NOT_FOUND: [404, 'There is nothing at this address'],
  LESSON_NOT_FOUND: [404, 'There is no lesson of this id'],
  METHOD_NOT_ALLOWED: [405, 'This address does not take this method'],
  MISDIRECTED_REQUEST: [421, 'This host name is not of this server'],
  PAYLOAD_TOO_LARGE: [413, 'The body is longer than 16 KB'],
  INTERNAL_SERVER_ERROR: [500, 'There is a problem with the service'],
  SERVICE_UNAVAILABLE: [503, 'The service is busy or out of reach. Try again in a moment.'],
} as const satisfies Record<string, readonly [status: number, message: string]>

export type Code = keyof typeof REFUSALS

type Issue = { path: string; message: string }

/** The code that is sent, where it differs from the name here. Better Auth sends four refusals without a code. */
const NAMES: Partial<Record<Code, string | undefined>> = {
  RESET_TOKEN_INVALID: 'INVALID_TOKEN',
  DELETE_TOKEN_INVALID: 'INVALID_TOKEN',
  PASSKEY_TO_CHANGE_NOT_FOUND: 'PASSKEY_NOT_FOUND',
  EMAIL_IS_THE_SAME: undefined,
  NO_FIELDS_TO_UPDATE: undefined,
  OTP_MAIL_NOT_SET_UP: undefined,
  OTP_TYPE_INVALID: undefined,
}

export const nameOf = (code: Code): string | undefined => (code in NAMES ? NAMES[code] : code)

/** A refused call. Endpoints return it for a mistake of the caller; code that runs before an endpoint throws it. */
export class Refusal extends Error {
  override name = 'Refusal'
  readonly code: Code
  readonly issues: Issue[] | undefined
  /** What the caller can do about it. Separate from the message, which clients compare. */
  readonly detail: string | undefined
  /** The scheme in `WWW-Authenticate` (RFC 9110 section 11.6.1). */
  readonly scheme: string
  readonly retryAfterSeconds: number | undefined

  constructor(
    code: Code,
    {
      message,
      issues,
      detail,
      scheme = 'Bearer',
      retryAfterSeconds,
    }: { message?: string; issues?: Issue[]; detail?: string; scheme?: string; retryAfterSeconds?: number } = {},
  ) {
    super(message ?? REFUSALS[code][1])
    this.code = code
    this.issues = issues
    this.detail = detail
    this.scheme = scheme
    this.retryAfterSeconds = retryAfterSeconds
  }

  get status(): number {
    return REFUSALS[this.code][0]
  }
}

/** What is wrong with a body or query: as text, like `[body.email] Invalid email address; …`, and as a list. */
export function validationError(error: z.ZodError, source: 'body' | 'query'): Refusal {
  const issues = error.issues.map(({ path, message }) => ({ path: [source, ...path].join('.'), message }))
  const message = issues.map(({ path, message }) => `[${path}] ${message}`).join('; ')
  return new Refusal('VALIDATION_ERROR', { message, issues })
}

/** Refuses a new password, with a code that clients know if its length is wrong, otherwise in words. */
export function passwordRefusal(error: z.ZodError, field: string): Refusal {
  const [issue] = error.issues
  const length = issue?.code === 'custom' ? issue.params?.length : undefined
  if (length === 'too-short') return new Refusal('PASSWORD_TOO_SHORT')
  if (length === 'too-long') return new Refusal('PASSWORD_TOO_LONG')
  const path = `body.${field}`
  const message = issue?.message ?? ''
  return new Refusal('VALIDATION_ERROR', { message: `[${path}] ${message}`, issues: [{ path, message }] })
}

export function sendRefusal(res: ServerResponse, refusal: Refusal): void {
  const { status, message, issues, detail, retryAfterSeconds } = refusal
  if (retryAfterSeconds !== undefined) {
    res.setHeader('Retry-After', String(retryAfterSeconds))
    res.setHeader('X-Retry-After', String(retryAfterSeconds))
  }
  if (status === 401) res.setHeader('WWW-Authenticate', refusal.scheme)
  res.statusCode = status
  res.setHeader('Content-Type', 'application/json')
  const text = JSON.stringify({ code: nameOf(refusal.code), message, detail, issues })
  res.setHeader('Content-Length', Buffer.byteLength(text))
  res.end(text)
}

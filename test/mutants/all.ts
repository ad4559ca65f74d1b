/** All guards that are broken on purpose. */
import { ACCESS } from './guards/access.ts'
import { ACCOUNTS } from './guards/accounts.ts'
import { ANSWERS } from './guards/answers.ts'
import { CODE_LOGINS } from './guards/code-logins.ts'
import { LIMITS } from './guards/limits.ts'
import { MAILED_CODES } from './guards/mailed-codes.ts'
import { PAIRS } from './guards/pairs.ts'
import { PASSKEYS_OWNED } from './guards/passkey-owners.ts'
import { PASSKEYS_SIGNED } from './guards/passkeys.ts'
import { SECOND_STEP } from './guards/second-step.ts'
import { SESSIONS } from './guards/sessions.ts'
import { TOKENS } from './guards/tokens.ts'
import { WEB } from './guards/web.ts'
import type { Mutant } from './mutant.ts'

export const MUTANTS: readonly Mutant[] = [
  ...WEB,
  ...ANSWERS,
  ...ACCESS,
  ...SESSIONS,
  ...ACCOUNTS,
  ...LIMITS,
  ...TOKENS,
  ...SECOND_STEP,
  ...MAILED_CODES,
  ...CODE_LOGINS,
  ...PASSKEYS_SIGNED,
  ...PASSKEYS_OWNED,
  ...PAIRS,
]

/** Everything that people do in the fuzz. A feature that changes who may be in where adds its actions here. */
import type { AnyAction } from './action.ts'
import { CAREFUL } from './careful.ts'
import { CODE_LOGINS, pressLink, typeCode } from './code-logins.ts'
import { CREDENTIALS, changePassword } from './credentials.ts'
import { IN_AND_OUT, logIn } from './in-and-out.ts'
import { deleteAccount, LEAVING, sayNotMe } from './leaving.ts'
import { MAILED, reset } from './mailed.ts'
import { add, logInWith, PASSKEYS, remove } from './passkeys.ts'
import { newRecoveryCodes, SECOND_STEPS, setUp, switchOff, switchOn } from './second-steps.ts'
import { STEP_CODES, typeAtLogin } from './step-codes.ts'
import { TOKENS } from './tokens.ts'

export const ACTIONS: readonly AnyAction[] = [
  ...[...CAREFUL, ...IN_AND_OUT, ...CREDENTIALS, ...MAILED, ...LEAVING, ...TOKENS],
  ...[...SECOND_STEPS, ...STEP_CODES, ...CODE_LOGINS, ...PASSKEYS],
]

/** Two that change the same rows, which chance alone would seldom bring together. */
export const RIVALS: readonly (readonly [AnyAction, AnyAction])[] = [
  [typeAtLogin, typeAtLogin],
  [typeAtLogin, changePassword],
  [typeAtLogin, switchOff],
  [typeAtLogin, newRecoveryCodes],
  [typeAtLogin, deleteAccount],
  [switchOn, sayNotMe],
  [switchOn, setUp],
  [switchOn, logIn],
  [logInWith, logInWith],
  [logInWith, remove],
  [logInWith, sayNotMe],
  [add, changePassword],
  [remove, remove],
  [typeCode, typeCode],
  [typeCode, pressLink],
  [typeCode, changePassword],
  [typeCode, reset],
]

/** Everything that people do in the fuzz. A feature that changes who may be in where adds its actions here. */
import type { AnyAction } from './action.ts'
import { CREDENTIALS } from './credentials.ts'
import { IN_AND_OUT } from './in-and-out.ts'
import { LEAVING } from './leaving.ts'
import { MAILED } from './mailed.ts'
import { TOKENS } from './tokens.ts'

export const ACTIONS: readonly AnyAction[] = [...IN_AND_OUT, ...CREDENTIALS, ...MAILED, ...LEAVING, ...TOKENS]

/** All guards that are broken on purpose. */
import { ACCOUNTS } from './accounts.ts'
import { LIMITS } from './limits.ts'
import type { Mutant } from './mutant.ts'
import { PAIRS } from './pairs.ts'
import { SECOND_STEP } from './second-step.ts'
import { SESSIONS } from './sessions.ts'
import { TOKENS } from './tokens.ts'
import { WEB } from './web.ts'

export const MUTANTS: readonly Mutant[] = [...WEB, ...SESSIONS, ...ACCOUNTS, ...LIMITS, ...TOKENS, ...SECOND_STEP, ...PAIRS]

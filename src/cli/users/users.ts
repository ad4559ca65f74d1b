/** Learners, for whoever helps them. */
import { exportCopy, remove, resume, signOut, suspend, unlock, verify } from './changing.ts'
import { find, show, why } from './looking.ts'
import { secondStepOff } from './second-step.ts'

export const USERS = [find, show, why, unlock, suspend, resume, signOut, verify, secondStepOff, remove, exportCopy]

/** All commands, in the order in which help lists them. */
import { AUDIT } from './audit.ts'
import { DATABASE } from './database.ts'
import { DOCTOR } from './doctor.ts'
import type { Command } from './frame/command.ts'
import { KEYS } from './keys.ts'
import { OUTBOX } from './outbox.ts'
import { PRUNE } from './prune.ts'
import { PSEUDONYM } from './pseudonym.ts'
import { REPORT } from './report.ts'
import { SECRETS } from './secrets.ts'
import { SERVICE_KEYS } from './service-keys.ts'
import { SESSIONS } from './sessions.ts'

export const COMMANDS: readonly Command[] = [
  DOCTOR,
  ...DATABASE,
  PRUNE,
  ...SESSIONS,
  ...OUTBOX,
  ...KEYS,
  ...SECRETS,
  ...SERVICE_KEYS,
  ...AUDIT,
  PSEUDONYM,
  REPORT,
]

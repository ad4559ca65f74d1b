/** All commands, in the order in which help lists them. */
import { AUDIT } from './audit.ts'
import { DATABASE } from './database.ts'
import type { Command } from './frame/command.ts'
import { KEYS } from './keys.ts'
import { REPORT } from './report.ts'
import { SERVICE_KEYS } from './service-keys.ts'

export const COMMANDS: readonly Command[] = [...DATABASE, ...KEYS, ...SERVICE_KEYS, ...AUDIT, REPORT]

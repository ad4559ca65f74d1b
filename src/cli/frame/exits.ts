/** How a command ends: the codes of sysexits.h, and the words for the operator. */
import { Unavailable } from '../../base/failures.ts'
import { ConfigError } from '../../config/problems.ts'
import { codeOf, refusalOf } from '../../database/outages.ts'
import { OtherSecrets } from '../../tokens/key-ring.ts'

/** The codes of sysexits.h that a command may end with, and what each means here. `docs/operations.md` lists them. */
export const EXITS = {
  usage: 64,
  data: 65,
  noInput: 66,
  unavailable: 69,
  software: 70,
  cannotCreate: 73,
  io: 74,
  temporary: 75,
  noPermission: 77,
  configuration: 78,
} as const
export type Exit = keyof typeof EXITS

/** The command was not understood. Its usage is shown behind the message. */
export class UsageError extends Error {}

/** A command that could not do what it was asked to. The message says what to do. */
export class Failure extends Error {
  readonly exit: Exit

  constructor(exit: Exit, message: string) {
    super(message)
    this.exit = exit
  }
}

/** Class 40: two statements in each other's way. 53: resources. 57014: a statement took too long. 25006: read-only. */
const MAY_PASS = /^(40|53|57014|25006)/
const NO_SCHEMA = /^42(P01|703|883)/
const NO_PERMISSION = /^(42501|EACCES|EPERM)$/
const CANNOT_CREATE = /^(EEXIST|ENOENT|EISDIR|ENOTDIR|EROFS)$/
const IO = /^(EPIPE|EIO|ENOSPC|EDQUOT)$/

type Ending = { exit: Exit; message: string }

/** What an error means for the operator: its code, and one line that says what to do where that is known. */
export function endingOf(error: unknown): Ending {
  if (error instanceof UsageError) return { exit: 'usage', message: error.message }
  if (error instanceof Failure) return { exit: error.exit, message: error.message }
  if (error instanceof ConfigError || error instanceof OtherSecrets)
    return { exit: 'configuration', message: error.message }
  const cause = error instanceof Unavailable && error.cause !== undefined ? error.cause : error
  const code = codeOf(cause)
  const message = cause instanceof Error ? cause.message : String(cause)
  if (NO_SCHEMA.test(code)) {
    return {
      exit: 'configuration',
      message: `The schema of the database is missing or too old (${message}). Run: node dist/cli.js migrate`,
    }
  }
  const refusal = refusalOf(error)
  if (refusal !== undefined) return { exit: 'configuration', message: refusal }
  if (NO_PERMISSION.test(code)) return { exit: 'noPermission', message }
  if (MAY_PASS.test(code)) return { exit: 'temporary', message: `Not now, try again: ${message}` }
  if (error instanceof Unavailable) return { exit: 'unavailable', message: awayOf(error, message) }
  if (CANNOT_CREATE.test(code)) return { exit: 'cannotCreate', message }
  if (IO.test(code)) return { exit: 'io', message }
  // The driver says so of a connection of its own, as migrations have one.
  if (/^(CONNECT|E(CONN|HOST|NET|AI|TIMEDOUT|NOTFOUND))/.test(code))
    return { exit: 'unavailable', message: awayOf(error, message) }
  return { exit: 'software', message }
}

function awayOf(error: unknown, message: string): string {
  const said = message === '' && error instanceof Error ? error.message : message
  return `The database of DATABASE_URL is out of reach (${said || 'it refused the connection'}).`
}

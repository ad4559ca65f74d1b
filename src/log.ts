/** JSON lines on standard output. What may be logged is a list of what is allowed, never of what is forbidden. */
import { type DestinationStream, type LevelWithSilent, pino } from 'pino'

export type Log = ReturnType<typeof createLog>

export function createLog(level: LevelWithSilent, destination?: DestinationStream) {
  const options = { level, base: null, serializers: { err: describeError } }
  return destination ? pino(options, destination) : pino(options)
}

/**
 * An error without the data it carries. PostgreSQL puts rows into `detail` and values into `message`, parsers put the
 * input into `body` and `message`; so a database error is told by its code and names, and other fields stay behind.
 */
export function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error }
  const fields = error as Error & Record<string, unknown>
  const fromDatabase = 'severity' in error
  const known = Object.fromEntries(
    ['code', 'errno', 'syscall', 'routine', 'table_name', 'column_name', 'constraint_name', 'status']
      .filter((key) => ['string', 'number'].includes(typeof fields[key]))
      .map((key) => [key, fields[key]]),
  )
  return {
    type: error.name,
    ...(fromDatabase ? {} : { message: error.message }),
    ...known,
    stack: error.stack
      ?.split('\n')
      .filter((line) => /^\s+at /.test(line))
      .slice(0, 12)
      .join('\n'),
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  }
}

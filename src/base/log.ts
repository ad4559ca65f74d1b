/** Logging: a line for each event on standard output. For errors, there is a list of fields that may be logged. */
import { type DestinationStream, type LevelWithSilent, pino } from 'pino'
import { sha256 } from './digest.ts'
import { ecsOptions, type LogFormat, prettyLine } from './log-format.ts'
import { createLogSink } from './log-sink.ts'

export type Log = ReturnType<typeof createLog>

export function createLog(
  level: LevelWithSilent,
  { format = 'json', destination }: { format?: LogFormat; destination?: DestinationStream } = {},
) {
  const plain = { level, base: null, serializers: { err: describeError } }
  const options = format === 'ecs' ? { level, ...ecsOptions(describeError) } : plain
  const out = destination ?? createLogSink({ onLost: (lines) => log.warn({ lines }, 'lines of the log were lost') })
  const log = pino(options, format === 'pretty' ? { write: (line) => void out.write(prettyLine(line)) } : out)
  return log
}

/**
 * An error without the data it carries. PostgreSQL puts rows into `detail` and values into `message`; parsers put the
 * input into `body` and `message`. So a database error is described by its code and names, without its message.
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

/** What stands for a user in the log: the same in every line, and nobody can tell the user from it. */
export const pseudonym = (userId: string): string => sha256(userId).slice(0, 12)

const HOUR = 60 * 60_000
const REMEMBERED_MAX = 1_000

/** For lines that would fill the log: returns true once an hour for each subject. Beyond 1,000 subjects, the oldest is forgotten. */
export function createHourly(now: () => number) {
  const saidAt = new Map<string, number>()
  return (subject: string): boolean => {
    if (now() - (saidAt.get(subject) ?? Number.NEGATIVE_INFINITY) < HOUR) return false
    saidAt.delete(subject)
    saidAt.set(subject, now())
    const [oldest = ''] = saidAt.keys()
    if (saidAt.size > REMEMBERED_MAX) saidAt.delete(oldest)
    return true
  }
}

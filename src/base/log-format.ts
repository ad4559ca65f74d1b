/** How a line of the log is written: as it is, by the names of the Elastic Common Schema, or for people. */
import type { LoggerOptions } from 'pino'

export type LogFormat = 'json' | 'ecs' | 'pretty'

const ECS_VERSION = '8.11'

type Fields = Record<string, unknown>

/** Where the fields of a request stand in the Elastic Common Schema. It has no place for the pattern of a route. */
const ECS_NAMES: Record<string, string> = {
  requestId: 'http.request.id',
  method: 'http.request.method',
  status: 'http.response.status_code',
  user: 'user.hash',
  traceId: 'trace.id',
  pid: 'process.pid',
}

const ECS_ERROR_NAMES: Record<string, string> = {
  type: 'error.type',
  message: 'error.message',
  stack: 'error.stack_trace',
  code: 'error.code',
}

const NANOSECONDS = 1e6

/** Own fields without a place there go below `matricula`, so that they are in nobody's way. */
function asEcs({ err, ms, ...fields }: Fields): Fields {
  const named: Fields = {}
  const own: Fields = {}
  for (const [name, value] of Object.entries(fields)) {
    const known = ECS_NAMES[name]
    if (known === undefined) own[name] = value
    else if (value !== null) named[known] = value
  }
  if (typeof ms === 'number') named['event.duration'] = ms * NANOSECONDS
  if (typeof err === 'object' && err !== null) {
    const rest: Fields = {}
    for (const [name, value] of Object.entries(err)) {
      const known = ECS_ERROR_NAMES[name]
      if (known === undefined) rest[name] = value
      else named[known] = String(value)
    }
    if (Object.keys(rest).length > 0) own.error = rest
  }
  return Object.keys(own).length > 0 ? { ...named, matricula: own } : named
}

/** Options of pino for the Elastic Common Schema. `describe` says what of an error may be logged. */
export const ecsOptions = (describe: (error: unknown) => Fields): LoggerOptions => ({
  messageKey: 'message',
  timestamp: () => `,"@timestamp":"${new Date().toISOString()}"`,
  base: { 'ecs.version': ECS_VERSION, 'service.name': 'matricula' },
  serializers: {},
  formatters: {
    level: (label) => ({ 'log.level': label }),
    log: (fields) => asEcs('err' in fields ? { ...fields, err: describe(fields.err) } : fields),
  },
})

/** A line for people: the time, what happened, and whatever else there is to know. */
export function prettyLine(json: string): string {
  const { level, time, msg, requestId, method, route, status, ms, finished, err, ...rest }: Fields = JSON.parse(json)
  const clock = new Date(Number(time)).toTimeString().slice(0, 8)
  const request =
    method === undefined
      ? ''
      : `${method} ${route ?? '(no route)'} ${status ?? 'no answer'}, ${ms} ms${finished === false ? ', cut off' : ''}`
  const loud = typeof level === 'number' && level >= 40 ? [level >= 50 ? 'ERROR' : 'WARNING'] : []
  const more = Object.entries(rest).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  const { type, message, stack, ...details } = (err ?? {}) as Fields
  const error = err === undefined ? [] : [`${type}: ${message ?? JSON.stringify(details)}`, String(stack ?? '')]
  const head = [clock, ...loud, msg, request, ...more].filter((part) => part !== undefined && part !== '').join(' ')
  return `${[head, ...error].filter((text) => text !== '').join('\n')}\n`
}

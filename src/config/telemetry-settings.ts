/** What an operator sees of a running server: its log, its metrics, its traces. */
import { z } from 'zod'
import { isStrongSecret, SECRET_MIN_LENGTH } from './secrets.ts'
import { isLoopback, urlWith, wholeNumber } from './variables.ts'

export const TELEMETRY_VARIABLES = {
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent'], {
      error: 'must be fatal, error, warn, info, debug or silent',
    })
    .default('info'),
  LOG_FORMAT: z.enum(['json', 'ecs', 'pretty'], { error: 'must be json, ecs or pretty' }).optional(),
  METRICS_PORT: wholeNumber(0, 65535).optional(),
  METRICS_HOST: z
    .string()
    .regex(/^[\w.:-]+$/, 'must be an address or a host name')
    .default('127.0.0.1'),
  METRICS_TOKEN: z
    .string()
    .refine(isStrongSecret, { error: `must be random text of ${SECRET_MIN_LENGTH} characters or more` })
    .optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: urlWith(
    ['http:', 'https:'],
    'must be an address like http://127.0.0.1:4318, where a collector takes traces by OTLP over HTTP',
  ).optional(),
}

type Settings = z.output<z.ZodObject<typeof TELEMETRY_VARIABLES>> & { NODE_ENV: string }

export function telemetryOf(settings: Settings) {
  const { METRICS_PORT: port, METRICS_HOST: host, METRICS_TOKEN: token } = settings
  return {
    logLevel: settings.LOG_LEVEL,
    logFormat: settings.LOG_FORMAT ?? (settings.NODE_ENV === 'development' ? ('pretty' as const) : ('json' as const)),
    /** Undefined if nothing is measured. With a port, they are there; with a token only, at `/metrics` of the site. */
    metrics: port === undefined && token === undefined ? undefined : { port, host, token },
    /** Where traces go. Undefined if none are made. */
    tracesTo: settings.OTEL_EXPORTER_OTLP_ENDPOINT?.replace(/\/+$/, ''),
  }
}

/** Whether other machines could read the metrics without a token. */
export function lacksMetricsToken(given: Record<string, string | undefined>): boolean {
  const { METRICS_PORT: port, METRICS_HOST: host = '127.0.0.1', METRICS_TOKEN: token } = given
  const address = `http://${host.includes(':') ? `[${host}]` : host}`
  const isHere = URL.canParse(address) && isLoopback(address)
  return port !== undefined && token === undefined && !isHere
}

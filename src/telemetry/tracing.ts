/**
 * Traces by OpenTelemetry: a span for each request, named by the pattern of its route, and one for each statement within it. No
 * address, no value of a statement and nothing that somebody typed is in them. Its packages are optional, and loaded only here.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Context, Span } from '@opentelemetry/api'
import type { SpanExporter } from '@opentelemetry/sdk-trace'
import type { Log } from '../base/log.ts'
import { codeOf } from '../database/outages.ts'

/** How long the last spans may take to be sent when the server stops. */
const LAST_SPANS_MS = 3_000
const STATEMENT_MAX = 2_000
/** W3C Trace Context, section 3.2. */
const TRACEPARENT = /^00-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-[\da-f]{2}$/

export type Tracing = Awaited<ReturnType<typeof startTracing>>

type Ended = { method: string | undefined; route: string | null; status: number | null }

type Parts = {
  /** Where a collector takes them. */
  to: string
  log: Log
  firstThisHour: (subject: string) => boolean
  /** Whether a trace that was begun by a proxy in front goes on here. */
  goesOn: boolean
}

/** @throws when the packages are not there. */
export async function startTracing({ to, log, firstThisHour, goesOn }: Parts) {
  const { api, sdk, exporter, resources } = await load()
  const spanExporter = tellingOfFailures(new exporter.OTLPTraceExporter({ url: `${to}/v1/traces` }), (error) => {
    if (firstThisHour('traces')) log.warn({ err: error }, 'traces were not taken')
  })
  const provider = new sdk.TracerProvider({
    resource: resources.resourceFromAttributes({ 'service.name': 'matricula' }),
    spanProcessors: [new sdk.BatchSpanProcessor({ exporter: spanExporter })],
  })
  const tracer = provider.getTracer('matricula')
  const current = new AsyncLocalStorage<Span>()
  const spans = new WeakMap<ServerResponse, Span>()

  function contextOf({ headers }: IncomingMessage): Context {
    const [, traceId, spanId] = (goesOn && TRACEPARENT.exec(String(headers.traceparent ?? ''))) || []
    if (traceId === undefined || spanId === undefined) return api.ROOT_CONTEXT
    // Whoever calls must not decide whether there is a trace.
    const traceFlags = api.TraceFlags.SAMPLED
    return api.trace.setSpanContext(api.ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true })
  }

  return {
    /** Handles a request within a span. Health checks have none, as they have no line in the log. */
    request(req: IncomingMessage, res: ServerResponse, handle: () => void): void {
      if (req.url?.startsWith('/health/')) {
        handle()
        return
      }
      const span = tracer.startSpan('request', { kind: api.SpanKind.SERVER }, contextOf(req))
      spans.set(res, span)
      current.run(span, handle)
    },

    /** Ends the span of a request. Returns the id of its trace, for the log. */
    end(res: ServerResponse, { method = '', route, status }: Ended): string | undefined {
      const span = spans.get(res)
      if (span === undefined) return undefined
      span.updateName(route === null ? method : `${method} ${route}`)
      span.setAttribute('http.request.method', method)
      if (route !== null) span.setAttribute('http.route', route)
      if (status !== null) span.setAttribute('http.response.status_code', status)
      if (status === null || status >= 500) span.setStatus({ code: api.SpanStatusCode.ERROR })
      span.end()
      return span.spanContext().traceId
    },

    /** Sends a statement within a span of its request. What the server does by itself has none. */
    async statement<Result>(text: () => string, send: () => Promise<Result>): Promise<Result> {
      const parent = current.getStore()
      if (parent === undefined || !parent.isRecording()) return send()
      const written = text().replace(/\s+/g, ' ').trim().slice(0, STATEMENT_MAX)
      const [operation = ''] = written.split(' ', 1)
      const attributes = {
        'db.system.name': 'postgresql',
        'db.operation.name': operation,
        'db.query.text': written,
      }
      const context = api.trace.setSpan(api.ROOT_CONTEXT, parent)
      const span = tracer.startSpan(operation, { kind: api.SpanKind.CLIENT, attributes }, context)
      try {
        return await send()
      } catch (error) {
        span.setStatus({ code: api.SpanStatusCode.ERROR })
        span.setAttribute('error.type', codeOf(error) || (error instanceof Error ? error.name : 'unknown'))
        throw error
      } finally {
        span.end()
      }
    },

    /** Sends what is left. */
    stop: (): Promise<unknown> =>
      Promise.race([provider.shutdown().catch(() => {}), sleep(LAST_SPANS_MS, undefined, { ref: false })]),
  }
}

async function load() {
  try {
    const [api, sdk, exporter, resources] = await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/sdk-trace'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
    ])
    return { api, sdk, exporter, resources }
  } catch (error) {
    const message = 'OTEL_EXPORTER_OTLP_ENDPOINT needs the optional packages: npm install --include=optional'
    throw new Error(message, { cause: error })
  }
}

/** A collector that is away costs spans, and the operator should know why they are missing. */
function tellingOfFailures(exporter: SpanExporter, tell: (error: Error | undefined) => void): SpanExporter {
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.code !== 0) tell(result.error)
        done(result)
      })
    },
    shutdown: () => exporter.shutdown(),
  }
}

/** Takes traces as a collector of OpenTelemetry does: OTLP over HTTP, in JSON. */
import { createServer } from 'node:http'
import { after } from 'node:test'

type Attribute = { key: string; value: { stringValue?: string; intValue?: number } }
type SentSpan = {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  attributes: Attribute[]
}
type Sent = { resourceSpans: { resource: { attributes: Attribute[] }; scopeSpans: { spans: SentSpan[] }[] }[] }

export type TestSpan = Omit<SentSpan, 'attributes'> & { attributes: Record<string, string | number | undefined> }

const asRecord = (attributes: Attribute[]): TestSpan['attributes'] =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue]))

/** Closed after the test file. With `status`, it refuses what it is sent. */
export async function openCollector({ status = 200 } = {}) {
  const bodies: string[] = []
  const paths: string[] = []
  const server = createServer((req, res) => {
    let body = ''
    req.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk
    })
    req.on('end', () => {
      paths.push(req.url ?? '')
      bodies.push(body)
      res.writeHead(status, { 'Content-Type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  after(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const sent = () => bodies.flatMap((body) => (JSON.parse(body) as Sent).resourceSpans)
  return {
    url: `http://127.0.0.1:${port}`,
    paths,
    /** Everything that was sent, as text. */
    text: () => bodies.join('\n'),
    spans: (): TestSpan[] =>
      sent()
        .flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
        .map((span) => ({ ...span, attributes: asRecord(span.attributes) })),
    services: () => new Set(sent().map(({ resource }) => asRecord(resource.attributes)['service.name'])),
  }
}

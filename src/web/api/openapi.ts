/** The description of the API (OpenAPI 3.1), made from the schemas that also check the calls. */
import { z } from 'zod'
import { FORM_TYPE } from '../middleware/body.ts'
import { JSON_TYPE } from './body.ts'
import { type Access, type Facts, UNTRUSTED } from './endpoint.ts'
import { type Code, nameOf, REFUSALS } from './refusals.ts'

const VERSION = '0.1.0'

const ErrorBody = z
  .object({
    code: z.string().optional().meta({ description: 'Stable; absent in four answers of the contract' }),
    message: z.string(),
    detail: z.string().optional().meta({ description: 'What the caller can do about it' }),
    issues: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Error' })

const SECURITY: Record<Access, Record<string, string[]>[]> = {
  anyone: [],
  visitor: [{}, { session: [] }],
  session: [{ session: [] }],
  learner: [{ session: [] }, { bearer: [] }],
  backend: [{ session: [] }, { bearer: [] }, { serviceKey: [] }],
  service: [{ serviceKey: [] }],
}

type Json = Record<string, unknown>

const REQUEST_ID = { $ref: '#/components/parameters/RequestId' }

export type ApiDocument = ReturnType<typeof describeApi>

export function describeApi(
  endpoints: readonly Facts[],
  { issuer, cookieName }: { issuer: string; cookieName: string },
) {
  const schemas: Record<string, unknown> = {}

  /** Describes a schema. Schemas with a name are moved to `components`, where all can refer to them. */
  function schemaOf(schema: z.ZodType, io: 'input' | 'output'): unknown {
    const { $schema: _, $defs, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
    const moved = JSON.parse(JSON.stringify({ rest, $defs }).replaceAll('"#/$defs/', '"#/components/schemas/'))
    Object.assign(schemas, moved.$defs)
    return moved.rest
  }

  const content = (schema: z.ZodType, io: 'input' | 'output', types = [JSON_TYPE]) => {
    const described = schemaOf(schema, io)
    return Object.fromEntries(
      types.map((type) => [type, { schema: type === FORM_TYPE ? asForm(described as Json) : described }]),
    )
  }

  /** A form only sends text, so fields of other types are left out and refused. */
  function asForm({ properties, ...schema }: Json): Json {
    const fields = Object.entries(properties as Record<string, Json>)
    const refused = fields.filter(([, { type }]) => type !== 'string').map(([name]) => ({ required: [name] }))
    return {
      ...schema,
      properties: Object.fromEntries(fields.filter(([, { type }]) => type === 'string')),
      ...(refused.length > 0 ? { not: { anyOf: refused } } : {}),
    }
  }

  function operationOf(facts: Facts) {
    const { method, path, access, summary, body, query, answer, answerType = JSON_TYPE, takesForm } = facts
    const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    }))
    const { properties = {}, required = [] } = (query ? schemaOf(query, 'input') : {}) as {
      properties?: Json
      required?: string[]
    }
    const inQuery = Object.entries(properties).map(([name, schema]) => ({
      name,
      in: 'query',
      required: required.includes(name),
      schema,
    }))
    return {
      summary,
      operationId: [method, ...path.split(/[^\w]+/).filter((part) => part !== '' && part !== 'api')].join('_'),
      security: SECURITY[access],
      parameters: [...inPath, ...inQuery, REQUEST_ID],
      ...(body
        ? {
            requestBody: {
              required: !body.safeParse(undefined).success,
              content: content(body, 'input', takesForm ? [JSON_TYPE, FORM_TYPE] : [JSON_TYPE]),
            },
          }
        : {}),
      responses: {
        ...(answer ? { 200: { description: 'Done', content: content(answer, 'output', [answerType]) } } : {}),
        ...(facts.redirects ? { 302: { description: 'On to the address in `Location`' } } : {}),
        ...refusalsOf(facts),
      },
    }
  }

  function refusalsOf(facts: Facts) {
    const codes = codesOf(facts)
    const statuses = [...new Set(codes.map((code) => REFUSALS[code][0]))]
    return Object.fromEntries(
      statuses.map((status) => {
        const ofStatus = codes.filter((code) => REFUSALS[code][0] === status)
        const description = ofStatus.map((code) => nameOf(code) ?? REFUSALS[code][1]).join(', ')
        return [status, { description, content: content(ErrorBody, 'output') }]
      }),
    )
  }

  const paths: Record<string, Json> = {}
  for (const facts of endpoints) {
    const path = facts.path.replace(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [facts.method]: operationOf(facts) }
  }

  return {
    openapi: '3.1.0',
    info: {
      title: 'Matricula',
      version: VERSION,
      description: 'Who a learner is. Under `/api/auth` the wire contract of Better Auth 1.7.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: issuer }],
    paths,
    components: {
      schemas,
      parameters: {
        RequestId: {
          name: 'X-Request-Id',
          in: 'header',
          description:
            'Names the call in the log of the server; a call without one is given one. The answer repeats it.',
          schema: { type: 'string', pattern: '^[\\w.-]{8,64}$' },
        },
      },
      securitySchemes: {
        session: { type: 'apiKey', in: 'cookie', name: cookieName },
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        serviceKey: {
          type: 'http',
          scheme: 'bearer',
          description: 'A key that the operator has made for a backend, with what it may do',
        },
      },
    },
  }
}

/** All codes with which a call may be refused: those of the endpoint itself, and those that may come before it. */
export function codesOf({ method, access, right, body, query, refusals = [], logsIn, leadsTo, path }: Facts): Code[] {
  const codes = new Set<Code>(refusals)
  const checked = method !== 'get' || access !== 'anyone' || query !== undefined
  if (body ?? query) codes.add('VALIDATION_ERROR')
  if (method !== 'get') {
    for (const code of ['BAD_REQUEST', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'] as const) codes.add(code)
    for (const code of ['INVALID_ORIGIN', 'MISSING_OR_NULL_ORIGIN'] as const) codes.add(code)
  }
  // The parameter in the path may be impossible to decode.
  if (path.includes('/:')) codes.add('BAD_REQUEST')
  if (leadsTo) codes.add(UNTRUSTED[leadsTo])
  if (logsIn) codes.add('CROSS_SITE_NAVIGATION_LOGIN_BLOCKED')
  if (access !== 'anyone' && access !== 'visitor') codes.add('UNAUTHORIZED')
  if (checked || /jwks|status-list/.test(path)) codes.add('SERVICE_UNAVAILABLE')
  if (right !== undefined) codes.add('SERVICE_KEY_LACKS_RIGHT')
  codes.add('INTERNAL_SERVER_ERROR')
  return [...codes].sort((a, b) => REFUSALS[a][0] - REFUSALS[b][0])
}

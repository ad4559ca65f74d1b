import { Router } from 'express'
import type { ApiDocument } from '../api/openapi.ts'
import { methodNotAllowed } from '../middleware/errors.ts'

type Field = { name: string; type: string; optional: boolean; description: ReturnType<typeof wordsOf> }
type Schema = {
  type?: string | string[]
  anyOf?: Schema[]
  $ref?: string
  items?: Schema
  description?: string
  properties?: Record<string, Schema>
  required?: string[]
}
type Operation = {
  summary: string
  security: Record<string, unknown>[]
  /** The last parameter of every call refers to the header that all calls have in common. */
  parameters: { name?: string; required: boolean; schema: Schema }[]
  requestBody?: { content: Record<string, { schema: Schema }> }
  responses: Record<string, { description: string; content?: Record<string, { schema: Schema }> }>
}

/** The description of the API as a page. It is made once and loads nothing from elsewhere. */
export function apiPages(document: ApiDocument): Router {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods as Record<string, Operation>).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      id: `${method}${path.replace(/\W+/g, '-')}`,
      summary: wordsOf(operation.summary),
      callers: callersOf(operation.security),
      takes: [
        ...operation.parameters.flatMap(({ name, required, schema }) =>
          name === undefined ? [] : [field(name, schema, required)],
        ),
        ...fieldsOf(schemaIn(operation.requestBody?.content)),
      ],
      gives: fieldsOf(schemaIn(operation.responses[200]?.content)),
      answers: Object.entries(operation.responses).map(([status, { description }]) => ({
        status,
        // A refusal without a code is known by its message.
        words: description.split(', ').map((text) => ({ text, isCode: Number(status) >= 400 })),
      })),
    })),
  )
  const schemas = Object.entries(document.components.schemas)
    .map(([name, schema]) => ({ name, fields: fieldsOf(schema as Schema) }))
    .sort((a, b) => a.name.localeCompare(b.name))

  const router = Router()
  router
    .route('/api')
    .get((_req, res) => res.render('api', { operations, schemas, issuer: document.servers[0]?.url }))
    .all(methodNotAllowed)
  return router
}

function callersOf(security: Record<string, unknown>[]): string {
  const ways = security.flatMap((way) => Object.keys(way))
  if (ways.length === 0) return 'Anyone'
  const names = { session: 'session cookie', bearer: 'bearer token', serviceKey: 'service key' } as Record<
    string,
    string
  >
  const needed = ways.map((way) => names[way] ?? way).join(' or ')
  return security.some((way) => Object.keys(way).length === 0) ? `Anyone, or with a ${needed}` : `With a ${needed}`
}

const schemaIn = (content: Record<string, { schema: Schema }> | undefined): Schema | undefined =>
  Object.values(content ?? {})[0]?.schema

const fieldsOf = (schema: Schema | undefined): Field[] =>
  Object.entries(schema?.properties ?? schema?.anyOf?.find(({ properties }) => properties)?.properties ?? {}).map(
    ([name, inner]) => field(name, inner, schema?.required?.includes(name) ?? true),
  )

const field = (name: string, schema: Schema, required: boolean): Field => ({
  name,
  type: typeOf(schema),
  optional: !required,
  description: wordsOf(schema.description ?? ''),
})

/** Splits a text into plain words and code, which stands between backticks. */
const wordsOf = (text: string) => text.split('`').map((text, index) => ({ text, isCode: index % 2 === 1 }))

function typeOf({ $ref, type, anyOf, items }: Schema): string {
  if ($ref) return $ref.split('/').at(-1) ?? ''
  if (anyOf) return anyOf.map(typeOf).join(' or ')
  if (items) return `list of ${typeOf(items)}`
  return [type ?? 'any'].flat().join(' or ')
}

/** What a caller was told, for comparing two servers: the shape of the data without its values, and the whole error. */
export type Told = {
  data: unknown
  error: { status?: number | undefined; code?: string | undefined; message?: string | undefined } | null
}

/** Names and kinds of what an answer holds, without its values. Of an array: how many it has, and which kinds. */
function shapeOf(value: unknown, without: string | undefined): unknown {
  const inside = (one: unknown) => shapeOf(one, without)
  if (Array.isArray(value)) return [value.length, ...new Set(value.map((one) => JSON.stringify(inside(one))))]
  if (value instanceof Date) return 'date'
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value
  const entries = Object.entries(value).filter(([name]) => name !== without)
  const shapes = entries.map(([name, inner]) => [name, inside(inner)] as const)
  return Object.fromEntries(shapes.sort(([one], [other]) => one.localeCompare(other)))
}

/** `without` names a field that only one of the two has. */
export const told = ({ data, error }: Told, { without }: { without?: string } = {}) => ({
  data: shapeOf(data, without),
  error: error && { status: error.status, code: error.code, message: error.message },
})

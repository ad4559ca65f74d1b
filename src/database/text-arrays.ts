/** Arrays of texts as PostgreSQL writes them: `{plain,"with \"quotes\""}`. Null has no place in ours. */

const OID = 1009
const ELEMENT = /"((?:[^"\\]|\\.)*)"|[^{},]+/gs

/** What postgres.js calls a type. */
export const TEXT_ARRAYS = {
  to: OID,
  from: [OID],
  serialize: (texts: readonly string[]): string =>
    `{${texts.map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`).join(',')}}`,
  parse: (literal: string): string[] =>
    Array.from(literal.matchAll(ELEMENT), ([plain, quoted]) => quoted?.replace(/\\(.)/gs, '$1') ?? plain),
}

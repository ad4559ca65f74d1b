/** Arrays of texts in PostgreSQL's notation: `{plain,"with \"quotes\""}`. Ours never contain null. */

const OID = 1009
const ELEMENT = /"((?:[^"\\]|\\.)*)"|[^{},]+/gs

/** The type, in the form that postgres.js wants. */
export const TEXT_ARRAYS = {
  to: OID,
  from: [OID],
  serialize: (texts: readonly string[]): string =>
    `{${texts.map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`).join(',')}}`,
  parse: (literal: string): string[] =>
    Array.from(literal.matchAll(ELEMENT), ([plain, quoted]) => quoted?.replace(/\\(.)/gs, '$1') ?? plain),
}

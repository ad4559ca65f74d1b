/** Pieces of SQL, so that what several statements share is written once. */

export type Value = string | number | boolean | Date | null | readonly string[]

/** What may stand between the braces of a statement: a value, another piece of SQL, or a name. */
export type Part = Value | Fragment | Identifier

/** A piece of SQL with its values, which are sent apart from the text like those of a whole statement. */
export class Fragment {
  readonly text: TemplateStringsArray
  readonly parts: readonly Part[]

  constructor(text: TemplateStringsArray, parts: readonly Part[]) {
    this.text = text
    this.parts = parts
  }
}

export const fragment = (text: TemplateStringsArray, ...parts: Part[]): Fragment => new Fragment(text, parts)

/** The name of a table, a column or a part of a statement. It comes from the code, never from a person. */
export class Identifier {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

export const identifier = (text: string): Identifier => new Identifier(text)

/** One or more fragments with a separator between each two. */
export const joined = (fragments: readonly Fragment[], separator: Fragment): Fragment =>
  fragments.reduce((all, next) => fragment`${all}${separator}${next}`)

const COMMA = fragment`, `

export const list = (fragments: readonly Fragment[]): Fragment => joined(fragments, COMMA)

/** The text of a statement with a `?` for each value, so that it holds nothing of anybody. */
export const textOf = ({ text, parts }: Pick<Fragment, 'text' | 'parts'>): string =>
  text.reduce((before, piece, index) => `${before}${partText(parts[index - 1])}${piece}`)

function partText(part: Part | undefined): string {
  if (part instanceof Fragment) return textOf(part)
  return part instanceof Identifier ? part.text : '?'
}

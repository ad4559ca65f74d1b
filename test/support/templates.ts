/** The tagged templates of the source: its statements and its pieces of SQL. */

export const STATEMENT = /\bsql(?:<[^`]*>)?`/g
export const FRAGMENT = /\bfragment`/g

export type Template = {
  /** All between the backticks. The expressions may hold templates themselves. */
  text: string
  /** The texts before, between and after the expressions. */
  fixed: string[]
}

/** The templates with this tag. */
export function templatesIn(code: string, tag: RegExp): Template[] {
  return [...code.matchAll(tag)].map(({ index, 0: opening }) => {
    const start = index + opening.length
    const open: ('{' | '`')[] = ['`']
    const fixed: string[] = []
    let from = start
    let end = start
    for (; open.length > 0 && end < code.length; end += 1) {
      const inText = open.at(-1) === '`'
      const isOuter = open.length === 1
      if (code[end] === '`') {
        inText ? open.pop() : open.push('`')
        if (open.length === 0) fixed.push(code.slice(from, end))
      } else if (inText && code.startsWith('${', end)) {
        if (isOuter) fixed.push(code.slice(from, end))
        open.push('{')
        end += 1
      } else if (!inText && code[end] === '{') open.push('{')
      else if (!inText && code[end] === '}') {
        open.pop()
        if (open.length === 1) from = end + 1
      }
    }
    return { text: code.slice(start, end - 1), fixed }
  })
}

/** Whether a text is made of these fixed texts, in order, with anything between them. `within`: or a part of it is. */
export function isMadeOf(text: string, fixed: readonly string[], { within = false } = {}): boolean {
  const first = fixed[0] ?? ''
  const last = fixed.at(-1) ?? ''
  if (!within && fixed.length === 1) return text === first
  if (!within && !(text.startsWith(first) && text.endsWith(last))) return false
  const [inner, end] = within ? [fixed, text.length] : [fixed.slice(1, -1), text.length - last.length]
  let at = within ? 0 : first.length
  for (const part of inner) {
    const found = text.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return at <= end
}

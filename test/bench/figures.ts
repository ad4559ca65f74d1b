/** Figures of several rounds: what is said of them, and how they are written. */
export type Figure = number | null | undefined

const known = (figures: readonly Figure[]): number[] =>
  figures.filter((figure) => figure !== null && figure !== undefined).sort((a, b) => a - b)

export function median(figures: readonly Figure[]): number | undefined {
  const sorted = known(figures)
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]
  return low === undefined || high === undefined ? undefined : (low + high) / 2
}

export const highest = (figures: readonly Figure[]): number | undefined => known(figures).at(-1)

const MIB = 1024 * 1024
export const mebibytes = (bytes: Figure): string => rounded(bytes && bytes / MIB)

/** Rounded to the digits that are the same in every run. */
export function rounded(figure: Figure): string {
  if (figure === null || figure === undefined) return '-'
  if (figure < 1) return String(Number(figure.toFixed(2)))
  return figure < 100 ? String(Number(figure.toFixed(1))) : Math.round(figure).toLocaleString('en')
}

/** The median with the least and the most. */
export const spread = (figures: readonly number[]): string =>
  `${rounded(median(figures))} (${rounded(Math.min(...figures))} to ${rounded(Math.max(...figures))})`

/** A table in Markdown; all columns but the first `names` are numbers. */
export function markdown(head: readonly string[], lines: readonly (readonly string[])[], names: number): string {
  const rule = head.map((_name, column) => (column < names ? '---' : '---:'))
  return [head, rule, ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

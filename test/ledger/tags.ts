/** The tests that show rows of the ledger, found by their titles: `[C05] …`, or `[C05, C10] …`. */
import { filesIn, read } from '../support/imports.ts'

/** `name`: the title with those of the suites around it, without the ids. */
export type Tag = { ids: string[]; file: string; name: string }

/** The beginning of a suite. */
const SUITE = /^( *)describe\(\s*(['"`])((?:\\.|(?!\2)[^\\])*)\2/
/** A text that begins with a bracket and what may be an id: of a call, or of a table from which titles are made. */
const TITLE = /(?<=^|[\s(])(['"`])(\[\s*[A-Za-z]\d+\s*[\],](?:\\.|(?!\1)[^\\])*)\1/
const TAGGED = /^\[([A-Z]\d\d(?:, [A-Z]\d\d)*)\] (?=\S)/

export const testFiles = (): string[] => filesIn('test', '.test.ts').filter((file) => !file.includes('node_modules'))

const shown = (title: string): string =>
  title
    .replace(TAGGED, '')
    .replace(/\$\{[^}]*\}/g, '…')
    .replace(/\\(['"`])/g, '$1')

/**
 * The tags in the text of a test file.
 * @throws when ids are not written in the one form that counts, or stand at a test that is left out.
 */
export function tagsIn(file: string, text: string): Tag[] {
  const suites: { indent: number; title: string }[] = []
  const tags: Tag[] = []
  // A call whose title stands on the next line is read as one line.
  for (const line of text.replace(/\((\s*\n\s*)(?=['"`])/g, '(').split('\n')) {
    const indent = line.search(/\S/)
    if (indent < 0) continue
    while ((suites.at(-1)?.indent ?? -1) >= indent) suites.pop()
    const title = TITLE.exec(line)?.[2]
    if (title !== undefined) {
      const [, ids] = TAGGED.exec(title) ?? []
      if (ids === undefined) throw new Error(`${file}: ids are written [A01, A02]: ${title}`)
      if (/\.(skip|todo)\(|\b(skip|todo): true/.test(line)) throw new Error(`${file}: does not run: ${title}`)
      const name = [...suites.map((suite) => suite.title), shown(title)].join(' ')
      tags.push({ ids: ids.split(', '), file, name })
    }
    const [, , , suite] = SUITE.exec(line) ?? []
    if (suite !== undefined) suites.push({ indent, title: shown(suite) })
  }
  return tags
}

export const readTags = (): Tag[] => testFiles().flatMap((file) => tagsIn(file, read(file)))

/** The tests that show rows of the ledger, found by their titles: `[C05] …`, or `[C05, C10] …`. */
import { filesIn, read } from '../support/imports.ts'

/** `name`: the title with those of the suites around it, without the ids. */
export type Tag = { ids: string[]; file: string; name: string }

const CALL = /^( *)(it|test|describe)((?:\.\w+)*)\(\s*(['"`])((?:\\.|(?!\4)[^\\])*)\4/gm
const TAGGED = /^\[([A-Z]\d\d(?:, [A-Z]\d\d)*)\] (?=\S)/

export const testFiles = (): string[] => filesIn('test', '.test.ts').filter((file) => !file.includes('node_modules'))

const shown = (title: string): string =>
  title
    .replace(TAGGED, '')
    .replace(/\$\{[^}]*\}/g, '…')
    .replace(/\\(['"`])/g, '$1')

/**
 * The tags in the text of a test file.
 * @throws when a title begins with a bracket and a number but not in the one form that counts, or stands at a test that is
 * left out.
 */
export function tagsIn(file: string, text: string): Tag[] {
  const suites: { indent: number; title: string }[] = []
  const tags: Tag[] = []
  for (const [, spaces = '', call = '', how = '', , title = ''] of text.matchAll(CALL)) {
    const indent = spaces.length
    while ((suites.at(-1)?.indent ?? -1) >= indent) suites.pop()
    const ids = TAGGED.exec(title)?.[1]
    if (ids === undefined && /^\s*\[\s*[A-Za-z]\d/.test(title))
      throw new Error(`${file}: ids are written [A01, A02]: ${title}`)
    if (ids !== undefined && /skip|todo/.test(how))
      throw new Error(`${file}: shows nothing, as it does not run: ${title}`)
    const name = [...suites.map((suite) => suite.title), shown(title)].join(' ')
    if (ids !== undefined) tags.push({ ids: ids.split(', '), file, name })
    if (call === 'describe') suites.push({ indent, title: shown(title) })
  }
  return tags
}

export const readTags = (): Tag[] => testFiles().flatMap((file) => tagsIn(file, read(file)))

/** References to tests in pages of docs/: a file in backticks, `web/api/cors`, and behind › the title of a test or group in it. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../../src/config/folders.ts'

export type Reference = { file: string; title: string | undefined }

/** Those of a text. A title goes up to the end of its line, so that it may hold anything else. */
export const referencesIn = (text: string): Reference[] =>
  text
    .split(/<br>|\n/)
    .flatMap((line) =>
      [...line.matchAll(/`([a-z-]+(?:\/[a-z-]+)*)`(?: › (.+))?/g)].map(([, file = '', title]) => ({ file, title })),
    )

const fileOf = (name: string): string => join(ROOT, 'test', `${name}.test.ts`)

const TITLE = /\b(?:it|test|describe)\(\s*(['"`])((?:\\.|(?!\1)[\s\S])*)\1/g

/** A tag in front, `[C05] …`, names a row of a ledger. What is put in while the test runs stands as `…`. */
const plain = (title: string): string =>
  title
    .replace(/^\[[^\]]*\] /, '')
    .replace(/\$\{(?:[^{}`]|`[^`]*`|\{[^{}]*\})*\}/g, '…')
    .replace(/\\(.)/g, '$1')
    .trim()

const known = new Map<string, ReadonlySet<string>>()

function titlesIn(name: string): ReadonlySet<string> {
  const titles =
    known.get(name) ??
    new Set([...readFileSync(fileOf(name), 'utf8').matchAll(TITLE)].map(([, , title = '']) => plain(title)))
  known.set(name, titles)
  return titles
}

/** Why nobody can follow the reference; undefined if its file is there, and in it the test. */
export function faultOf({ file, title }: Reference): string | undefined {
  if (!existsSync(fileOf(file))) return `there is no test/${file}.test.ts`
  if (title !== undefined && !titlesIn(file).has(plain(title))) return `test/${file}.test.ts has no test “${title}”`
  return undefined
}

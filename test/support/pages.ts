/** Pages of docs/ whose commands the tests run: a block has its name behind the language. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../../src/config/folders.ts'

export const readPage = (page: string): string => readFileSync(join(ROOT, page), 'utf8')

/** All named blocks of a page. */
export const blocksOf = (page: string): Map<string, string> =>
  new Map(
    [...readPage(page).matchAll(/^```\w+ (\S+)\n([\s\S]*?)^```$/gm)].map(([, name = '', text = '']) => [name, text]),
  )

/** @throws when the page has no block of this name. */
export function blockOf(page: string, name: string): string {
  const block = blocksOf(page).get(name)
  if (block === undefined) throw new Error(`${page} has no block named ${name}`)
  return block
}

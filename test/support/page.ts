/** Reads a page of the documentation: its commands, the answers shown below them, its tables. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../../src/config/folders.ts'

export type Example = { heading: string; script: string; answer: { language: string; text: string } | undefined }

export const readPage = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

type Part = { heading: string; language: string; text: string }

/** The fenced blocks of a page, in order, each with the heading above it. */
function blocksOf(page: string): Part[] {
  let heading = ''
  const blocks: Part[] = []
  for (const [, title, language = '', text = ''] of page.matchAll(/^#+ (.+)$|^```(\w+)\n([\s\S]*?)\n?^```$/gm)) {
    if (title !== undefined) heading = title
    else blocks.push({ heading, language, text })
  }
  return blocks
}

/** The commands of a page, each with the answer if the next block shows one. */
export function examplesOf(page: string): Example[] {
  const blocks = blocksOf(page)
  return blocks.flatMap(({ heading, language, text }, at) => {
    if (language !== 'sh') return []
    const next = blocks[at + 1]
    const shown = next?.heading === heading && ['json', 'http', 'text'].includes(next.language)
    return [{ heading, script: text, answer: shown ? next : undefined }]
  })
}

export const blocksIn = (page: string, language: string, title: string): string[] =>
  blocksOf(page)
    .filter((block) => block.language === language && block.heading === title)
    .map(({ text }) => text)

/** The text under each heading, up to the next one. */
export function sectionsOf(page: string): { heading: string; text: string }[] {
  const withoutBlocks = page.replace(/^```\w+\n[\s\S]*?^```$/gm, '')
  return withoutBlocks.split(/^#+ /m).map((part) => {
    const [heading = '', ...lines] = part.split('\n')
    return { heading, text: lines.join('\n') }
  })
}

export const sectionOf = (page: string, title: string): string =>
  sectionsOf(page).find(({ heading }) => heading === title)?.text ?? ''

/** The rows of all tables in a text, without the head rows. */
export const rowsOf = (text: string): string[][] =>
  [...text.matchAll(/^\|[ |:-]*--[ |:-]*\|\n((?:\|.*\n?)+)/gm)].flatMap(([, body = '']) =>
    body
      .trimEnd()
      .split('\n')
      .map((line) =>
        line
          .slice(1, -1)
          .split('|')
          .map((cell) => cell.trim()),
      ),
  )

/** Everything in backticks. */
export const codeIn = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)

const SHOWN_BEFORE = '{ … }'

/**
 * Reads the answers of a page from top to bottom. `{ … }` on the page means: the same object as shown before under this
 * name. So remember every complete object by its name and put it there.
 */
export function createReader() {
  const known = new Map<string, unknown>()
  function complete(value: unknown, name: string): unknown {
    if (value === SHOWN_BEFORE) {
      if (!known.has(name)) throw new Error(`"${name}" was not shown before`)
      return known.get(name)
    }
    if (Array.isArray(value)) return value.map((item) => complete(item, ''))
    if (typeof value !== 'object' || value === null) return value
    const whole = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, complete(inner, key)]))
    if (name !== '') known.set(name, whole)
    return whole
  }
  return (json: string): unknown => complete(JSON.parse(json.replaceAll(SHOWN_BEFORE, `"${SHOWN_BEFORE}"`)), '')
}

export const fits = (shown: string, received: string): boolean =>
  new RegExp(`^${shown.split('…').map(escapeForRegExp).join('[^]*')}$`).test(received)

/**
 * Lists where an answer differs from the one shown: keys, types, lengths, booleans, or text (except where the page has
 * `…`). Numbers may differ.
 */
export function differences(shown: unknown, received: unknown, path = 'answer'): string[] {
  if (typeof shown === 'string' && typeof received === 'string') {
    return fits(shown, received) ? [] : [`${path} is "${received}", not "${shown}"`]
  }
  if (typeof shown === 'number' && typeof received === 'number') return []
  if (!isObject(shown) || !isObject(received) || Array.isArray(shown) !== Array.isArray(received)) {
    return shown === received ? [] : [`${path} is ${JSON.stringify(received)}, not ${JSON.stringify(shown)}`]
  }
  const keys = [...new Set([...Object.keys(shown), ...Object.keys(received)])]
  return keys.flatMap((key) => {
    if (!(key in shown)) return [`${path}.${key} is not shown`]
    if (!(key in received)) return [`${path}.${key} is shown and not there`]
    return differences(shown[key], received[key], `${path}.${key}`)
  })
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/** The status line, the headers and the body. */
export function headAndBody(text: string): { status: string; headers: [name: string, value: string][]; body: string } {
  const [head = '', ...rest] = text.replaceAll('\r\n', '\n').split('\n\n')
  const [status = '', ...lines] = head.split('\n')
  const headers = lines.map((line): [string, string] => [
    line.replace(/:.*/, '').toLowerCase(),
    line.replace(/^[^:]*: */, ''),
  ])
  return { status, headers, body: rest.join('\n\n').trim() }
}

function escapeForRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
}

/** The imports of the source, read from its text. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { ROOT } from '../../src/config/folders.ts'

export const filesIn = (folder: string, ending: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending))
    .map((file) => join(folder, file).replaceAll('\\', '/'))
    .sort()

export const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

/** The code without its comments, since a comment about something is no use of it. */
export const codeOf = (file: string): string =>
  read(file)
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '')

/** Both ends are below `src`. */
export type Import = { from: string; to: string; typeOnly: boolean }

export const importsOfSource = (): Import[] =>
  filesIn('src', '.ts').flatMap((file) =>
    [...codeOf(file).matchAll(/(?:^|\n)(import|export) (type )?([^'"]*?from )?'(\.[^']+)'|import\('(\.[^']+)'\)/g)].map(
      ([, , type, names, statically, dynamically]) => ({
        from: file.slice('src/'.length),
        to: normalize(join(dirname(file), statically ?? dynamically ?? ''))
          .replaceAll('\\', '/')
          .slice('src/'.length),
        typeOnly: type !== undefined || /^\{( *type \w+( as \w+)?,?)+ *\} from $/.test(names ?? ''),
      }),
    ),
  )

const ROOT_FILES = ['app.ts', 'server.ts', 'cli.ts', 'deps.ts', 'housekeeping.ts']

/** The rooms of the house, the inner ones of `web` one by one. */
export const ROOMS = [
  ...['base', 'config', 'database', 'limits', 'mail', 'sessions', 'learning', 'tokens', 'accounts'],
  ...['web/session', 'web/middleware', 'web/presenters', 'web/pages', 'web/api', 'cli'],
] as const
export type Room = (typeof ROOMS)[number]

/** The room of a file, `root` for the five at the top of `src`, undefined for one that stands in no room. */
export const roomOf = (file: string): Room | 'root' | undefined =>
  ROOMS.find((room) => file.startsWith(`${room}/`)) ?? (ROOT_FILES.includes(file) ? 'root' : undefined)

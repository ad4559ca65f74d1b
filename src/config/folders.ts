/** Where the project is on this machine. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The nearest folder that holds `name`, from `folder` upwards. */
function folderWith(name: string, folder: string): string {
  if (existsSync(join(folder, name))) return folder
  if (dirname(folder) === folder) throw new Error(`There is no folder ${name} above ${import.meta.dirname}`)
  return folderWith(name, dirname(folder))
}

/** The folder of `views`, `public` and `sql`. Searched for, because this file is run from `src`, `dist` and `build`. */
export const ROOT = folderWith('views', import.meta.dirname)

/** What a first run writes: the embedded database, a secret, mails. */
export const DATA_DIRECTORY = join(ROOT, '.data')

/** Where the project is on this machine. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The nearest folder that holds this file, from `folder` upwards. */
function folderOf(file: string, folder: string): string {
  return existsSync(join(folder, file)) ? folder : folderOf(file, dirname(folder))
}

/** The folder of `views`, `public` and `sql`. Searched for, because this file is run from `src`, `dist` and `build`. */
export const ROOT = folderOf('package.json', import.meta.dirname)

/** What a first run writes: the embedded database, a secret, mails. */
export const DATA_DIRECTORY = join(ROOT, '.data')

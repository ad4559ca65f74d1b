/** The templates of `views/`. They are compiled at the start, so a broken one stops it, and no request reads a file. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Eta } from 'eta'
import type { Express, Response } from 'express'
import { ROOT } from '../../config/folders.ts'
import { assetPath } from './assets.ts'
import { sendPage } from './compression.ts'

const DIRECTORY = join(ROOT, 'views')
const EXTENSION = '.eta'

/** Makes `res.render` draw a template with its values and what every template may use, and send it as a page. */
export function useViews(app: Express, { sendsMail }: { sendsMail: boolean }): void {
  const eta = new Eta({ views: DIRECTORY, cache: true, autoTrim: [false, 'nl'] })
  for (const file of readdirSync(DIRECTORY, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith(EXTENSION)) continue
    const path = join(DIRECTORY, file)
    eta.templatesSync.define(path, eta.compile(eta.readFile(path), { filepath: path }))
  }
  // Every name begins with a slash, so it means the same in each template. By itself Eta works the path out each time.
  const paths = new Map<string, string>()
  const { resolvePath } = eta
  eta.resolvePath = (name, options) => {
    const path = paths.get(name) ?? resolvePath.call(eta, name, options)
    paths.set(name, path)
    return path
  }

  app.response.render = function render(this: Response, name: string, values: unknown = {}) {
    const { user, path } = this.req
    const always = {
      asset: assetPath,
      user,
      sendsMail,
      path: path.replace(/\/$/, '').toLowerCase(),
      csrfToken: this.locals.csrfToken,
    }
    sendPage(this, eta.render(`/${name}`, { ...always, ...(values as object) }))
  }
}

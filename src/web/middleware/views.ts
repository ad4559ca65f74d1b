/** The templates of `views/`. They are compiled at the start, so a broken one stops it, and no request reads a file. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Eta } from 'eta'
import type { Express, RequestHandler } from 'express'
import { ROOT } from '../../config/folders.ts'
import { assetPath } from './assets.ts'

const DIRECTORY = join(ROOT, 'views')
const EXTENSION = '.eta'

export function useViews(app: Express): void {
  const eta = new Eta({ views: DIRECTORY, cache: true, autoTrim: [false, 'nl'] })
  for (const file of readdirSync(DIRECTORY, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith(EXTENSION)) continue
    const path = join(DIRECTORY, file)
    eta.templatesSync.define(path, eta.compile(eta.readFile(path), { filepath: path }))
  }
  // Express wants a class. It makes a view for each name and, with `view cache`, keeps it.
  app.set(
    'view',
    class {
      readonly path: string
      constructor(name: string) {
        this.path = name
      }
      render(options: object, done: (error: unknown, html?: string) => void) {
        try {
          done(null, eta.render(`/${this.path}`, options))
        } catch (error) {
          done(error)
        }
      }
    },
  )
  app.enable('view cache')
  app.locals.asset = assetPath
}

/** Lets the layout show the learner. A getter, not a copy: a login that fails clears `req.user` after this has run. */
export const showUser: RequestHandler = (req, res, next) => {
  Object.defineProperty(res.locals, 'user', { get: () => req.user, enumerable: true })
  next()
}

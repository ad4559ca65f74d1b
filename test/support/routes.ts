/** Every route of the app, read from its routers, so that a check of all of them misses none that comes later. */
import assert from 'node:assert/strict'
import { createApp } from '../../src/app.ts'
import type { TestApp } from './app.ts'

type Layer = {
  route?: { path: string | RegExp | (string | RegExp)[]; methods: Record<string, boolean> }
  handle: { stack?: Layer[] }
  /** Whether a router is mounted at the root, so that the paths in it are complete. */
  slash: boolean
}

/** The routes of a router and of the routers inside it. */
function routesIn(stack: Layer[]): string[] {
  return stack.flatMap(({ route, handle, slash }) => {
    if (route) {
      const methods = Object.keys(route.methods).map((method) => (method === '_all' ? 'ALL' : method.toUpperCase()))
      return [route.path].flat().flatMap((path) => methods.map((method) => `${method} ${path}`))
    }
    if (handle.stack === undefined) return []
    assert.equal(slash, true, 'a router inside another stands at its root')
    return routesIn(handle.stack)
  })
}

/** Each as `METHOD path`, or `ALL path`. */
export function routesOf({ deps }: Pick<TestApp, 'deps'>): string[] {
  const router = createApp(deps).app.router as unknown as { stack: Layer[] }
  return routesIn(router.stack)
}

/** The paths of pages that take a form. */
export function formPathsOf(app: Pick<TestApp, 'deps'>): string[] {
  const paths = routesOf(app)
    .filter((route) => route.startsWith('POST /') && !route.startsWith('POST /api/'))
    .map((route) => route.slice('POST '.length))
  assert.ok(paths.length > 30, `${paths.length} found`)
  return [...new Set(paths)]
}

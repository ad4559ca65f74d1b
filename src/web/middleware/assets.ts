/** The files of `public/`, kept in memory with their headers. Their addresses change with their content. */
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import type { RequestHandler } from 'express'
import { sha256 } from '../../base/digest.ts'
import { ROOT } from '../../config/folders.ts'

const DIRECTORY = join(ROOT, 'public')
const TYPES: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
}
/** Browsers and robots ask for these by name, so their addresses cannot change. */
const FIXED_NAMES = ['robots.txt', 'favicon.svg']

type Asset = { path: string; type: string; cache: string; bodies: Record<'identity' | 'gzip' | 'br', Buffer> }

const assets = new Map(readdirSync(DIRECTORY).map((file) => [file, load(file)]))
const byPath = new Map([...assets.values()].map((asset) => [asset.path, asset]))

function load(file: string, more = ''): Asset {
  const body = Buffer.concat([readFileSync(join(DIRECTORY, file)), Buffer.from(more)])
  const extension = extname(file)
  const fixed = FIXED_NAMES.includes(file)
  const hash = sha256(body).slice(0, 10)
  return {
    path: fixed ? `/${file}` : `/assets/${file.slice(0, -extension.length)}.${hash}${extension}`,
    type: TYPES[extension] ?? 'application/octet-stream',
    cache: fixed ? 'public, max-age=86400' : 'public, max-age=31536000, immutable',
    bodies: { identity: body, gzip: gzipSync(body), br: brotliCompressSync(body) },
  }
}

/** The address of a file of `public/`. @throws for an unknown name, so that a typing error fails every test. */
export function assetPath(file: string): string {
  const asset = assets.get(file)
  if (!asset) throw new Error(`There is no file public/${file}`)
  return asset.path
}

/** Adds what is only known at the start, such as the places on the map, to a file of `public/`. */
export function addToAsset(file: string, more: string): void {
  byPath.delete(assetPath(file))
  const asset = load(file, more)
  assets.set(file, asset)
  byPath.set(asset.path, asset)
}

export const serveAssets: RequestHandler = (req, res, next) => {
  const asset = req.method === 'GET' || req.method === 'HEAD' ? byPath.get(req.path) : undefined
  if (!asset) return next()
  // The smallest encoding that the browser accepts, even though browsers name gzip first.
  const encoding = (['br', 'gzip'] as const).find((name) => req.acceptsEncodings(name)) ?? 'identity'
  const body = asset.bodies[encoding]
  res.set({
    'Content-Type': asset.type,
    'Cache-Control': asset.cache,
    Vary: 'Accept-Encoding',
    'Content-Length': String(body.length),
  })
  if (encoding !== 'identity') res.set('Content-Encoding', encoding)
  res.end(req.method === 'HEAD' ? undefined : body)
}

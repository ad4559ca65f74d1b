/** What the text of an environment variable may be. */
import { accessSync, constants } from 'node:fs'
import { z } from 'zod'

export function wholeNumber(min: number, max: number) {
  return z
    .string()
    .refine((text) => /^\d{1,9}$/.test(text) && Number(text) >= min && Number(text) <= max, {
      error: `must be a whole number from ${min} to ${max}`,
    })
    .transform(Number)
}

export function isDecodable(text: string): boolean {
  try {
    return decodeURIComponent(text) !== ''
  } catch {
    return false
  }
}

export const parseUrl = (text: string): URL | undefined => (URL.canParse(text) ? new URL(text) : undefined)

export function urlWith(protocols: readonly string[], error: string, allowed: (url: URL) => boolean = () => true) {
  return z.string().refine(
    (text) => {
      const url = parseUrl(text)
      return url !== undefined && protocols.includes(url.protocol) && allowed(url)
    },
    { error },
  )
}

/** Exactly as a browser sends it: scheme, host and port, in lower case, without a path. */
export const isOrigin = (text: string): boolean => /^https?:[^*]+$/.test(text) && parseUrl(text)?.origin === text

/** Whether an address is one of this machine, which nobody else can reach. */
export const isLoopback = (url: string): boolean => ['localhost', '127.0.0.1', '[::1]'].includes(new URL(url).hostname)

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK)
    return true
  } catch {
    return false
  }
}

/** The file of an authority of one's own, as libpq names it; its word `system` is the default here. */
export function authorityOf(url: URL): string | undefined {
  const file = url.searchParams.get('sslrootcert')
  return file === null || file === 'system' ? undefined : file
}

/** Whether the file that a database's URL names in sslrootcert can be read, or it names none. */
export function hasReadableAuthority(databaseUrl: string): boolean {
  const url = parseUrl(databaseUrl)
  const authority = url && authorityOf(url)
  return authority === undefined || isReadable(authority)
}

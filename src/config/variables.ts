/** Rules for the text of an environment variable. */
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

/** Whether it is an origin exactly as a browser sends it: scheme, host and port in lower case, without a path. */
export const isOrigin = (text: string): boolean => /^https?:[^*]+$/.test(text) && parseUrl(text)?.origin === text

/**
 * The name in a `Host` header, in one spelling: lower case, an address in its short form, without port and final dot.
 * Undefined if it is not written as RFC 9110 section 7.2 has it, for example with a user or a path.
 */
export function hostName(host: string): string | undefined {
  if (!/^(\[[\da-f:.]+\]|[\w.-]+)(:\d*)?$/i.test(host)) return undefined
  return parseUrl(`http://${host}`)?.hostname.replace(/\.$/, '') || undefined
}

export const hostNames = (hosts: readonly string[]): ReadonlySet<string> =>
  new Set(hosts.flatMap((host) => hostName(host) ?? []))

/** A name of a host alone. With a port behind it, it would have two. */
export const isHostName = (text: string): boolean => hostName(`${text}:1`) !== undefined

/** A list with commas between, whose entries are all good. */
export const listOf = (isGood: (entry: string) => boolean, error: string) =>
  z
    .string()
    .transform((list) => list.split(',').map((entry) => entry.trim()))
    .refine((entries) => entries.every(isGood), { error })

/**
 * A contact as security.txt lists it, an absolute URI (RFC 9116 section 2.5.3). An email address may stand without `mailto:`.
 * Undefined for what is neither an address of a mailbox, a page behind https nor a telephone number.
 */
export function contactUri(text: string): string | undefined {
  const address = text.replace(/^mailto:/i, '')
  if (z.email().safeParse(address).success) return `mailto:${address}`
  if (/^tel:\+?[\d-]{3,30}$/i.test(text)) return text.toLowerCase()
  const url = parseUrl(text)
  return url?.protocol === 'https:' && url.username + url.password === '' ? url.href : undefined
}

/** Whether an address belongs to this machine, so that nobody else can reach it. */
export const isLoopback = (url: string): boolean => ['localhost', '127.0.0.1', '[::1]'].includes(new URL(url).hostname)

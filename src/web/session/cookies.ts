/** Every cookie there is: its name, what it is for, and how long it lasts. The page about cookies shows this list. */
import type { Request } from 'express'
import { REMEMBERED_MS } from '../../sessions/lifetimes.ts'

const MINUTE = 60_000

type Cookie = {
  name: string
  /** Browsers take a cookie with this in front of its name over TLS only, `__Host-` for this host and every path. */
  prefix: '__Host-' | '__Secure-'
  purpose: string
  /** For how long it outlives the browser, in milliseconds; undefined for one that goes with it. */
  lastsMs?: number
  life: string
}

export const COOKIES = {
  session: {
    name: 'matricula',
    prefix: '__Host-',
    purpose: 'Keeps you logged in.',
    lastsMs: REMEMBERED_MS,
    life: 'Until you log out or close the browser. If you asked to stay signed in: 30 days.',
  },
  form: {
    name: 'matricula-form',
    prefix: '__Host-',
    purpose: 'Makes sure that a form was sent from our page, before you are logged in.',
    life: 'Until you close the browser.',
  },
  link: {
    name: 'matricula-link',
    prefix: '__Secure-',
    purpose: 'Holds the link of an email that you opened, so that it does not stand in the address line.',
    lastsMs: 60 * MINUTE,
    life: '1 hour.',
  },
  sentTo: {
    name: 'matricula-sent-to',
    prefix: '__Secure-',
    purpose: 'Holds the address you typed, for the page that says where an email went.',
    lastsMs: 10 * MINUTE,
    life: '10 minutes.',
  },
} as const satisfies Record<string, Cookie>

/** The name as it is set: over TLS with its prefix, which would be refused on plain http. */
export const cookieName = ({ name, prefix }: Pick<Cookie, 'name' | 'prefix'>, secure: boolean): string =>
  secure ? prefix + name : name

/** The first cookie of that name, as express-session reads it too. */
export function readCookie(req: Request, name: string): string | undefined {
  const pairs = (req.get('Cookie') ?? '').split(';').map((pair) => pair.trim())
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1)
}

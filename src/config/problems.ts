/** What is wrong with the settings, in words for the operator: the variable, what was found, what is expected, an example. */
import { authorityOf, hasReadableAuthority, readDatabaseUrl } from './database-url.ts'
import { isStrongSecret } from './secrets.ts'
import { EXAMPLES, SHOWN, type Variable } from './settings.ts'
import { lacksMetricsToken } from './telemetry-settings.ts'
import { isLoopback, parseUrl } from './variables.ts'

export type Problem = {
  variable: string
  /** Goes on behind the name of the variable. */
  expected: string
  /** What was found instead. Of a secret only what it looks like. */
  found: string
  example: string
}

/** A problem in three lines. */
export const wordsOf = ({ variable, expected, found, example }: Problem): string =>
  `${variable} ${expected}\n      found    ${found}\n      example  ${example}`

export class ConfigError extends Error {
  override name = 'ConfigError'
  readonly problems: readonly Problem[]

  constructor(problems: readonly Problem[]) {
    const words = problems.map((problem) => `  - ${wordsOf(problem)}`)
    super(`Matricula cannot start, the configuration is wrong:\n${words.join('\n')}`)
    this.problems = problems
  }
}

const isVariable = (name: string): name is Variable => Object.hasOwn(EXAMPLES, name)

export function problemOf(variable: string, expected: string, value: string | undefined): Problem {
  const right = isVariable(variable) ? EXAMPLES[variable] : ''
  return { variable, expected, found: foundIn(variable, value), example: `${variable}=${right}` }
}

/** What may be said of a value, wherever that is printed. */
export function foundIn(variable: string, value: string | undefined): string {
  if (value === undefined) return 'nothing'
  const shown = isVariable(variable) ? SHOWN[variable] : 'secret'
  if (shown === 'secret') return shapeOf(value)
  if (shown === 'credentials')
    return withoutCredentials(value) ?? `${lengthOf(value)} that cannot be read as an address`
  // Somebody has put a secret into the wrong variable.
  if (isStrongSecret(value) && /^[\w+/=-]+$/.test(value)) return shapeOf(value)
  if (shown === 'address') return quoted(value.replace(/[^\s/,]*@/g, '***@').replace(/\?[^,]*/g, '?***'))
  return quoted(value)
}

const SHOWN_MAX = 100

/** In one line, with its invisible characters written out. */
const quoted = (value: string): string =>
  JSON.stringify(value.length > SHOWN_MAX ? `${value.slice(0, SHOWN_MAX)}…` : value).replace(
    /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

const lengthOf = (value: string): string => `${value.length} characters`

/** A secret, or several with commas between. */
function shapeOf(value: string): string {
  const shapes = value.split(',').map((entry) => {
    const text = entry.trim()
    return `${lengthOf(text)}, ${new Set(text).size} different ones`
  })
  return shapes.length === 1 ? (shapes[0] ?? '') : `${shapes.length} secrets: ${shapes.join('; ')}`
}

/** What the address of a database has behind its first host. */
const OTHER_HOSTS = /(?<=^[a-z][a-z\d+.-]*:\/\/(?:[^/?#]*@)?[^/?#,@]*)(,[^/?#@]*)/i

/**
 * Undefined if it is not sure which part is the password: one with a slash, a question mark or a hash in it, which are not
 * written with a percent sign, would end the name of the host.
 */
function withoutCredentials(value: string): string | undefined {
  const [, others = ''] = OTHER_HOSTS.exec(value) ?? []
  const url = parseUrl(value.replace(OTHER_HOSTS, ''))
  if (url === undefined || !/^[a-z][a-z\d+.-]*:\/\//i.test(value)) return undefined
  if ((url.pathname + url.search + url.hash).includes('@') || url.hash !== '') return undefined
  const login = url.username + url.password === '' ? '' : '***:***@'
  return quoted(`${url.protocol}//${login}${url.host}${others}${url.pathname}${url.search === '' ? '' : '?***'}`)
}

/** Why the server cannot listen where it should, by the code of the system; undefined if that is not the reason. */
export function problemOfListening(code: string, { host, port }: { host: string; port: number }): Problem | undefined {
  const about = (variable: 'HOST' | 'PORT', expected: string, example: string) => ({
    ...problemOf(variable, expected, variable === 'PORT' ? String(port) : host),
    example: `${variable}=${example}`,
  })
  if (code === 'EADDRINUSE') return about('PORT', 'must be a free port: this port is in use by another program', '3001')
  if (code === 'EACCES') return about('PORT', 'must be above 1023: this user may not use that port', '3000')
  const isHost = ['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN', 'EINVAL'].includes(code)
  return isHost ? about('HOST', 'must be an address of this machine', '127.0.0.1') : undefined
}

function authorityIn(text: string): string | undefined {
  const read = readDatabaseUrl(text)
  return typeof read === 'string' ? undefined : authorityOf(read.url)
}

/** Problems that only show when several variables are looked at together. */
export function problemsBetween(given: Record<string, string | undefined>): Problem[] {
  const problem = (name: string, expected: string) => problemOf(name, expected, given[name])
  const production = given.NODE_ENV === 'production'
  const problems = ['DATABASE_URL', 'APP_SECRETS', 'PUBLIC_URL']
    .filter((name) => production && given[name] === undefined)
    .map((name) => problem(name, 'is required in production'))
  const unreadable = ['DATABASE_URL', 'DATABASE_URL_UNPOOLED'].filter(
    (name) => !hasReadableAuthority(given[name] ?? ''),
  )
  problems.push(
    ...unreadable.map((name) => ({
      ...problem(name, 'names a file in sslrootcert that cannot be read'),
      found: `sslrootcert=${authorityIn(given[name] ?? '')}`,
      example: `${name}=postgres://user:password@db.example.org/learn?sslrootcert=/etc/ssl/my-authority.pem`,
    })),
  )
  const url = parseUrl(given.PUBLIC_URL ?? '')
  if (production && url?.protocol === 'http:' && !isLoopback(url.href)) {
    problems.push(problem('PUBLIC_URL', 'must start with https:// in production'))
  }
  if (given.SMTP_URL !== undefined && given.MAIL_FROM === undefined) {
    problems.push(problem('MAIL_FROM', 'is required with SMTP_URL'))
  }
  if (given.SECURITY_POLICY !== undefined && given.SECURITY_CONTACT === undefined) {
    problems.push(problem('SECURITY_CONTACT', 'is required with SECURITY_POLICY'))
  }
  if (given.MAIL_DIRECTORY !== undefined && (production || (url && !isLoopback(url.href)))) {
    problems.push(
      problem('MAIL_DIRECTORY', 'is for development on this machine: everybody could read the links to accounts'),
    )
  }
  if (lacksMetricsToken(given)) {
    problems.push(
      problem('METRICS_TOKEN', 'is required when METRICS_HOST is not this machine: everybody could read the metrics'),
    )
  }
  // The server itself speaks plain http and only hears of https from a proxy. Without one it would redirect for ever.
  if (url?.protocol === 'https:' && Number(given.TRUST_PROXY ?? 0) === 0) {
    problems.push(problem('TRUST_PROXY', 'must be the number of proxies in front, 1 or more, when PUBLIC_URL is https'))
  }
  return problems
}

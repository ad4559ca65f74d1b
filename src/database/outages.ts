/** Which database errors are an outage, which end a connection, and which do not go away by waiting. */
import { Unavailable } from '../base/failures.ts'

/**
 * Class 08: the connection. 40: two statements in each other's way. 53: resources. 57: the server stops, starts or gives
 * up. 25006: it is read-only. 42P01: the schema is not there yet.
 */
const OUTAGE = /^(08|40|53|57|25006|42P01)/

export function isOutage(error: unknown): boolean {
  return error instanceof Unavailable || isEnd(error) || OUTAGE.test(codeOf(error))
}

/**
 * Whether an error ends its connection: the server calls it fatal, for whatever reason (shutting down, too many
 * connections, a role that may no longer log in), or it comes from the network and not from the server.
 */
export function isEnd(error: unknown): error is Error {
  if (error instanceof AggregateError) return error.errors.some(isEnd)
  if (!(error instanceof Error)) return false
  const { severity, severity_local: local } = error as { severity?: string; severity_local?: string }
  const said = severity ?? local
  return said === undefined ? NETWORK.test(codeOf(error)) : ['FATAL', 'PANIC'].includes(said)
}

/**
 * Why the database refuses us in a way that waiting does not change, in words for the operator. Undefined for an outage
 * that may pass. Only asked at the start: later, these are outages too, since somebody may be repairing them.
 */
export function refusalOf(error: unknown): string | undefined {
  const cause = error instanceof Unavailable ? error.cause : error
  if (!(cause instanceof Error)) return undefined
  if (UNSUPPORTED_PARAMETER.test(cause.message)) {
    return `The pooler in front of the database refuses a start-up parameter. Add ?pgbouncer=true to DATABASE_URL: ${EXAMPLE}?pgbouncer=true`
  }
  const code = codeOf(cause)
  if (!REFUSED.test(code)) return undefined
  const [, advice = ''] = ADVICE.find(([pattern]) => pattern.test(`${code} ${cause.message}`)) ?? []
  return `The database of DATABASE_URL refused: ${cause.message}. ${advice}`.trim()
}

const EXAMPLE = 'postgres://user:password@db.example.org/learn'

/** What to do, by code and message. The first that fits counts. */
const ADVICE: [pattern: RegExp, advice: string][] = [
  [/no encryption|SSL off/, `It takes encrypted connections only: ${EXAMPLE}?sslmode=verify-full`],
  [
    /^(28|SASL)/,
    `Expected: user and password of a role that may log in, with %25 for a %, %23 for a # and %2F for a / in them: ${EXAMPLE}`,
  ],
  [/^3D000/, `Expected: the name of a database that is there, at the end of the address: ${EXAMPLE}`],
  [
    /^(ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/,
    `Expected: a certificate for the name in the address, from an authority that is known, or from yours, in a file: ${EXAMPLE}?sslrootcert=/etc/ssl/my-authority.pem`,
  ],
]

/** PgBouncer's message, which has the code 08P01. */
const UNSUPPORTED_PARAMETER = /unsupported startup parameter/
/** Class 28: this role may not log in. 3D000: no such database. The rest: the certificate or the password is wrong. */
const REFUSED = /^(28|3D000|ERR_TLS|CERT_|SASL_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/

/** Codes of Node, of OpenSSL (for certificates) and of the driver. */
const NETWORK = /^(CONNECT|E[A-Z]+|ERR_(TLS|SSL|SOCKET|STREAM)|CERT_|SASL_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

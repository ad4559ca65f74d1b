/** So many learners with all that belongs to them, written by COPY. */
import { createHmac } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import postgres from 'postgres'
import { loadConfig } from '../../../src/config/config.ts'
import { sessionCookieName } from '../../../src/web/session/cookies.ts'
import { sessionSecrets } from '../../../src/web/session/session-cookie.ts'
import { PASSWORD, type Person } from '../targets.ts'
import { type Copy, copies, type Learner, type Line, learnerOf } from './rows.ts'

const LINES_AT_ONCE = 500
const COPIES_AT_ONCE = 2

export type Population = {
  signal: AbortSignal
  databaseUrl: string
  learners: number
  /** Of these, evenly spread, the addresses and cookies are returned. */
  known: number
  /** Their expired sessions have ended in so many groups, one after the other. */
  groups: number
  passwordHash: string
  /** The server's. */
  secret: string
}

/** Fills an empty schema, analyses it, and returns some of the people. */
export async function populate(population: Population): Promise<Person[]> {
  const { databaseUrl, learners: count, known, signal } = population
  const learners = Array.from({ length: count }, (_, index) => learnerOf(index + 1))
  const cookieOf = cookies(population.secret)
  const people: Person[] = []
  const isKnown = ({ number }: Learner) => number % (count / known) === 0
  const noteSession = (learner: Learner, id: string) => {
    if (isKnown(learner)) people.push({ email: learner.email, password: PASSWORD, cookie: cookieOf(id) })
  }

  const waiting = copies(population, learners, noteSession)
  const client = postgres(databaseUrl, { max: COPIES_AT_ONCE, onnotice: () => {} })
  try {
    const copyInTurn = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await copy(client, next, signal)
    }
    await Promise.all(Array.from({ length: COPIES_AT_ONCE }, copyInTurn))
    // Also writes down which rows everybody sees, which otherwise the first readers would do.
    await client`vacuum (analyze)`
    await client`checkpoint`
  } finally {
    await client.end({ timeout: 5 })
  }
  return people
}

async function copy(client: postgres.Sql, { table, columns, lines }: Copy, signal: AbortSignal): Promise<void> {
  const connection = await client.reserve()
  try {
    // Without this, each foreign key would be looked up and its user locked, which takes longer than all the rest.
    await connection`set session_replication_role = replica`
    const target = await connection.unsafe(`copy ${table} (${columns}) from stdin`).writable()
    await pipeline(Readable.from(inPieces(lines())), target, { signal })
    await connection`reset session_replication_role`
  } finally {
    connection.release()
  }
}

function* inPieces(lines: Iterable<Line>): Generator<string> {
  let piece: string[] = []
  for (const line of lines) {
    piece.push(line.map((value) => value ?? '\\N').join('\t'))
    if (piece.length < LINES_AT_ONCE) continue
    yield `${piece.join('\n')}\n`
    piece = []
  }
  if (piece.length > 0) yield `${piece.join('\n')}\n`
}

/** What the browser of a session with this id sends. */
function cookies(secret: string): (id: string) => string {
  const config = { ...loadConfig({ APP_SECRETS: secret }), databaseUrl: '' }
  const [key = ''] = sessionSecrets({ config })
  const name = sessionCookieName(config.secureCookies)
  return (id) => {
    const signature = createHmac('sha256', key).update(id).digest('base64').replace(/=+$/, '')
    return `${name}=${encodeURIComponent(`s:${id}.${signature}`)}`
  }
}

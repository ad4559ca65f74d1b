/** A site of the real Better Auth, with its own database and people. */
import { after } from 'node:test'
import { betterAuth } from 'better-auth'
import { hashPassword } from 'better-auth/crypto'
import { getMigrations } from 'better-auth/db/migration'
import pg from 'pg'
import { createEmptyDatabase } from './database.ts'
import { type Person, somebody } from './people.ts'

const AT_ONCE = 4
/** Of a thousand people, so many have passwords of their own: each costs a hash, and with every login another. */
const PASSWORDS = 20

const hashes = new Map<string, Promise<string>>()

/** Better Auth's own hash, made once for each password. */
function hashOnce(password: string): Promise<string> {
  const hash = hashes.get(password) ?? hashPassword(password)
  hashes.set(password, hash)
  return hash
}

export type Site = Awaited<ReturnType<typeof openBetterAuthSite>>

export async function openBetterAuthSite() {
  const url = await createEmptyDatabase()
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  const auth = betterAuth({
    baseURL: 'http://127.0.0.1',
    secret: 'a-secret-of-better-auth-0123456789abcdef',
    database: pool,
    emailAndPassword: { enabled: true, password: { hash: hashOnce } },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    logger: { disabled: true },
  })
  const { runMigrations } = await getMigrations(auth.options)
  await runMigrations()
  let isOpen = true
  const close = async () => {
    if (isOpen) await pool.end()
    isOpen = false
  }
  after(close)

  async function signUp(person: Person): Promise<string> {
    const { user } = await auth.api.signUpEmail({ body: person })
    return user.id
  }

  return {
    url,
    pool,
    signUp,
    /** The hash that stands in the database for this password. */
    hashOf: hashOnce,
    /** So many people sign up. */
    async signUpMany(count: number): Promise<(Person & { id: string })[]> {
      const people = Array.from({ length: count }, (_, index) => {
        const person = somebody(`Ada${index}`)
        return { ...person, password: `copper lantern ${index % PASSWORDS}`, id: '' }
      })
      const waiting = [...people]
      const work = async () => {
        for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) {
          const { id: _, ...person } = one
          one.id = await signUp(person)
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, work))
      return people
    },
    /**
     * The rows of these tables as `pg_dump --data-only` writes them: by COPY of PostgreSQL itself, in the order of their names.
     */
    async dump(): Promise<string> {
      const parts = ['--\n-- PostgreSQL database dump\n--\n\nSET statement_timeout = 0;\n']
      for (const table of ['account', 'session', 'user', 'verification']) {
        const { rows } = await pool.query<{ columns: string; text: string }>(
          `select string_agg(quote_ident(attname), ', ' order by attnum) as columns from pg_attribute
           where attrelid = to_regclass(quote_ident($1)) and attnum > 0 and not attisdropped`,
          [table],
        )
        parts.push(
          `COPY public.${pg.escapeIdentifier(table)} (${rows[0]?.columns ?? ''}) FROM stdin;`,
          await copyOf(url, table),
          '\\.\n\n',
        )
      }
      return parts.join('\n')
    },
    close,
  }
}

/** What COPY writes for a table. The driver that knows how is not the one of Better Auth. */
async function copyOf(url: string, table: string): Promise<string> {
  const { default: postgres } = await import('postgres')
  const client = postgres(url, { max: 1 })
  try {
    const chunks: Buffer[] = []
    for await (const chunk of await client`copy ${client(table)} to stdout`.readable()) chunks.push(chunk)
    return Buffer.concat(chunks).toString().replace(/\n$/, '')
  } finally {
    await client.end()
  }
}

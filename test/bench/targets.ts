/** The servers under load: this app as in production, the peer (Better Auth), Express alone, and the bare server. */
import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import postgres from 'postgres'
import { ROOT } from '../../src/config/folders.ts'
import { freePort } from '../../src/database/embedded/port.ts'
import { migrate } from '../../src/database/migrate.ts'
import { answerAndMark } from './learners.ts'
import { BROWSER } from './loads.ts'
import { type Program, type Run, type Server, startServer } from './processes.ts'

/** For every server; the default of this app and of the peer's driver. */
const DB_POOL_MAX = '10'
/** More than the tries that the login limit allows for one account, if a login did not give its try back. */
const PEOPLE = 32
export const PASSWORD = 'plain tidy copper lantern'

export type Person = { email: string; password: string; cookie: string }
export type Target = { name: TargetName; url: string; program: Program; server: Server; people: Person[] }
export type TargetName = 'Matricula' | 'Better Auth' | 'Express alone' | 'bare'

/** Starts all of them on loopback ports, and signs people up. */
export async function startTargets(run: Run, databaseUrl: string, directory: string): Promise<Target[]> {
  const matricula = await startOurs(run, databaseUrl, directory, PEOPLE)
  const betterAuth = await start(run, directory, 'Better Auth', 'test/bench/peer-server.mjs', '/api/auth/ok', {
    DATABASE_URL: await createDatabase(run, databaseUrl),
  })
  await signUp(run, betterAuth, PEOPLE)
  await answerAndMark(matricula, run.signal)
  const express = await start(run, directory, 'Express alone', 'test/bench/express-server.mjs', '/login', {
    ACCEPT_ENCODING: BROWSER['accept-encoding'],
    ORIGINAL: matricula.url,
  })
  express.people = matricula.people
  const bare = await start(run, directory, 'bare', 'test/bench/bare-server.mjs', '/', {
    DATABASE_URL: matricula.databaseUrl,
    ORIGINAL: matricula.url,
  })
  bare.people = matricula.people.map((person) => ({ ...person, cookie: `sid=${sessionIdOf(person.cookie)}` }))
  return [matricula, betterAuth, express, bare]
}

/** Starts this app alone, with so many people and, if given, other settings. */
export async function startOurs(
  run: Run,
  serverUrl: string,
  directory: string,
  people: number,
  environment: Record<string, string> = {},
): Promise<Target & { databaseUrl: string }> {
  const databaseUrl = await createDatabase(run, serverUrl)
  await migrate(databaseUrl)
  const matricula = await start(run, directory, 'Matricula', 'dist/server.js', '/health/ready', {
    DATABASE_URL: databaseUrl,
    ...environment,
  })
  await signUp(run, matricula, people)
  return { ...matricula, databaseUrl }
}

/** Starts a server with a secret of its own, unless `env` has one. */
export async function start(
  run: Run,
  directory: string,
  name: TargetName,
  file: string,
  readyPath: string,
  env: Record<string, string>,
): Promise<Target> {
  const port = String(await freePort())
  const url = `http://127.0.0.1:${port}`
  const secret = randomBytes(32).toString('base64url')
  const program: Program = {
    file: join(ROOT, file),
    env: { HOST: '127.0.0.1', PORT: port, PUBLIC_URL: url, DB_POOL_MAX, APP_SECRETS: secret, SECRET: secret, ...env },
    logFile: join(directory, `${name.replaceAll(' ', '-')}-${port}.log`),
    readyUrl: `${url}${readyPath}`,
  }
  return { name, url, program, server: await startServer(run, program), people: [] }
}

export async function signUp(run: Run, { name, url, people }: Target, count: number): Promise<void> {
  for (let number = 1; number <= count; number += 1) {
    const email = `learner-${number}@example.org`
    const response = await fetch(`${url}/api/auth/sign-up/email`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Origin: url },
      body: JSON.stringify({ name: `Learner ${number}`, email, password: PASSWORD }),
      signal: run.signal,
    })
    if (response.status !== 200) throw new Error(`${name} refused a sign-up: ${await response.text()}`)
    await response.body?.cancel()
    const cookie = response.headers.getSetCookie().map((header) => header.split(';', 1)[0])
    people.push({ email, password: PASSWORD, cookie: cookie.join('; ') })
  }
}

/** An empty database for this run only, dropped at its end. */
export async function createDatabase(run: Run, serverUrl: string): Promise<string> {
  const name = `matricula_bench_${randomBytes(6).toString('hex')}`
  await administer(serverUrl, `create database ${name}`)
  run.undo.push(() => administer(serverUrl, `drop database if exists ${name} with (force)`))
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return url.href
}

async function administer(url: string, statement: string): Promise<void> {
  const client = postgres(url, { max: 1, onnotice: () => {} })
  try {
    await client.unsafe(statement)
  } finally {
    await client.end({ timeout: 5 })
  }
}

/** The key of a session's row: the cookie has `s:<id>.<signature>`, the table has the hash of the id. */
function sessionIdOf(cookie: string): string {
  const [, id = ''] = /=s:([^.]+)\./.exec(decodeURIComponent(cookie)) ?? []
  return createHash('sha256').update(id).digest('base64url')
}

/** The database role of `reader.sql`, made as an operator makes it. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { ROOT } from '../../src/config/folders.ts'

/** Makes a role for this database, with a unique name since roles belong to the whole server. Returns its URL. */
export async function createReader(databaseUrl: string): Promise<string> {
  const [suffix, password] = [randomBytes(6).toString('hex'), randomBytes(12).toString('hex')]
  const role = `matricula_reader_${suffix}`
  const text = readFileSync(join(ROOT, 'test/python/reader.sql'), 'utf8')
  const owner = postgres(databaseUrl, { max: 1 })
  await owner.unsafe(text.replaceAll('matricula_reader', role))
  await owner.unsafe(`alter role ${role} password '${password}'`)
  await owner.end()
  return as(databaseUrl, role, password)
}

function as(databaseUrl: string, role: string, password: string): string {
  const url = new URL(databaseUrl)
  Object.assign(url, { username: role, password })
  return url.href
}

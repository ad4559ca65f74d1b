/** The database role of `db reader`, made as the command makes it. */
import { randomBytes } from 'node:crypto'
import { makeReader } from '../../src/database/reader.ts'

/** Makes a role for this database, with a unique name since roles belong to the whole server. Returns its URL. */
export async function createReader(databaseUrl: string): Promise<string> {
  const role = `matricula_reader_${randomBytes(6).toString('hex')}`
  const password = await makeReader(databaseUrl, role)
  if (password === undefined) throw new Error(`the role ${role} was there`)
  const url = new URL(databaseUrl)
  Object.assign(url, { username: role, password })
  return url.href
}

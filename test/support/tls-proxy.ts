/** PostgreSQL over TLS, with a certificate for `localhost` from a private authority that no machine trusts. */
import { readFileSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { join } from 'node:path'
import { after } from 'node:test'
import { TLSSocket } from 'node:tls'
import { ROOT } from '../../src/config/folders.ts'

const fileOf = (name: string): string => join(ROOT, 'test/support/certificates', name)

export const AUTHORITY = fileOf('authority.pem')
export const ANOTHER_AUTHORITY = fileOf('another-authority.pem')

/** Returns the URL that reaches the database over TLS. Closed after the test file. */
export async function startTlsProxy(databaseUrl: string): Promise<URL> {
  const target = new URL(databaseUrl)
  const [cert, key] = ['server.pem', 'server-key.pem'].map((name) => readFileSync(fileOf(name)))
  const server = createServer((client) => {
    client.on('error', () => {})
    // The first message (8 bytes) asks for TLS. Answer with the letter S; everything after it is encrypted.
    client.once('data', () => {
      client.write('S')
      const secured = new TLSSocket(client, { isServer: true, cert, key })
      const database = createConnection({ host: target.hostname, port: Number(target.port) })
      for (const socket of [secured, database]) socket.on('error', () => client.destroy())
      secured.pipe(database).pipe(secured)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  after(() => server.close())
  const address = server.address()
  const url = new URL(databaseUrl)
  url.host = `localhost:${typeof address === 'object' && address !== null ? address.port : 0}`
  return url
}

/** Replaces curl on a machine that has none. Supports only plain http and the options that docs/api.md uses. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'

const TAKES_A_VALUE = /^-[XHdbcouw]$/
const HEADER_OF_JARS = '# Netscape HTTP Cookie File'

const given = { '-H': [] }
let address
for (const words = process.argv.slice(2); words.length > 0; ) {
  const word = words.shift()
  if (word === '-H') given['-H'].push(words.shift())
  else if (TAKES_A_VALUE.test(word)) given[word] = words.shift()
  else if (word === '-s' || word === '-i') given[word] = true
  else if (word.startsWith('-') || address !== undefined) throw new Error(`not an option of the stand-in: ${word}`)
  else address = new URL(word)
}

/** One line per cookie, as curl writes them: host, subdomains, path, secure, expiry, name, value. */
const jar = new Map()
const readable = given['-b'] !== undefined && existsSync(given['-b'])
for (const line of readable ? readFileSync(given['-b'], 'utf8').split('\n') : []) {
  const [host, , , , , name, value] = line.replace('#HttpOnly_', '').split('\t')
  if (host === address.hostname && name) jar.set(name, { line, value })
}

const headers = { Accept: '*/*', 'User-Agent': 'curl/stand-in' }
if (jar.size > 0) headers.Cookie = [...jar].map(([name, { value }]) => `${name}=${value}`).join('; ')
if (given['-u'] !== undefined) headers.Authorization = `Basic ${Buffer.from(given['-u']).toString('base64')}`
if (given['-d'] !== undefined) headers['Content-Type'] = 'application/x-www-form-urlencoded'
for (const header of given['-H']) headers[header.slice(0, header.indexOf(':'))] = header.replace(/^[^:]*: */, '')

const method = given['-X'] ?? (given['-d'] === undefined ? 'GET' : 'POST')
const sent = request(address, { method, headers, agent: false }, async (answer) => {
  const chunks = []
  for await (const chunk of answer) chunks.push(chunk)

  for (const cookie of answer.headers['set-cookie'] ?? []) {
    const [, name, value] = /^([^=]*)=([^;]*)/.exec(cookie)
    const [, age] = /; Max-Age=(-?\d+)/i.exec(cookie) ?? []
    const [, date] = /; Expires=([^;]*)/i.exec(cookie) ?? []
    const until = date ? Date.parse(date) : undefined
    const end = age ? Date.now() + 1000 * age : until
    const host = (/; HttpOnly/i.test(cookie) ? '#HttpOnly_' : '') + address.hostname
    const expiry = end === undefined ? 0 : Math.floor(end / 1000)
    if (end !== undefined && end <= Date.now()) jar.delete(name)
    else jar.set(name, { value, line: [host, 'FALSE', '/', 'FALSE', expiry, name, value].join('\t') })
  }
  const lines = [HEADER_OF_JARS, '', ...[...jar.values()].map(({ line }) => line), '']
  if (given['-c'] !== undefined) writeFileSync(given['-c'], lines.join('\n'))

  const head = [`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}`]
  for (let at = 0; at < answer.rawHeaders.length; at += 2) head.push(answer.rawHeaders.slice(at, at + 2).join(': '))
  const output = Buffer.concat([Buffer.from(given['-i'] ? `${head.join('\r\n')}\r\n\r\n` : ''), ...chunks])
  if (given['-o'] === undefined) process.stdout.write(output)
  else writeFileSync(given['-o'], output)
  const written = given['-w']?.replaceAll('%{http_code}', String(answer.statusCode)).replaceAll('\\n', '\n')
  process.stdout.write(written ?? '')
})
// curl exits with 7 when it cannot connect.
sent.once('error', () => process.exit(7))
sent.end(given['-d'])

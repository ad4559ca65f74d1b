/**
 * The commands in the docs use curl. Where it is not installed, a stand-in replaces it, which must do the same as curl.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { after, describe, it } from 'node:test'
import { curls, runInShell } from '../../support/shell.ts'

/** Answers with the request it got, as JSON. */
const mirror = createServer(async (req, res) => {
  let body = ''
  for await (const chunk of req.setEncoding('utf8')) body += chunk
  const { method, url, headers } = req
  const { accept, origin, authorization, cookie, 'content-type': type } = headers
  res.sendDate = false
  res.setHeader('Connection', 'close')
  if (url === '/sign-in') {
    res.setHeader('Set-Cookie', [
      'session=s%3Aabc.d%2Fe; Path=/; HttpOnly; SameSite=Lax',
      'remembered=1; Max-Age=1000; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly',
      'dated=2; Path=/; Expires=Fri, 31 Dec 2100 00:00:00 GMT',
    ])
  }
  // One per answer: some versions of curl keep the first cookie if an answer deletes two.
  if (url === '/sign-out') res.setHeader('Set-Cookie', 'session=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT')
  if (url === '/forget') res.setHeader('Set-Cookie', 'remembered=; Max-Age=0')
  if (url === '/onward') res.writeHead(302, { Location: '/elsewhere' })
  if (url === '/nothing') res.writeHead(404)
  res.end(JSON.stringify({ method, url, accept, type, origin, authorization, cookie: inOrder(cookie), body }))
})
mirror.listen(0, '127.0.0.1')
await once(mirror, 'listening')
after(() => mirror.close())
const address = mirror.address()
const SITE = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`

/** Sorted, since a client may send cookies in any order. */
function inOrder(cookies: string | undefined): string | undefined {
  return cookies?.split('; ').sort().join('; ')
}

const asked = (what: object): string => JSON.stringify({ method: 'GET', url: '/', accept: '*/*', ...what, body: '' })
const sent = (body: string, what: object = {}): string =>
  JSON.stringify({ method: 'POST', url: '/', accept: '*/*', type: 'application/x-www-form-urlencoded', ...what, body })

const ALL_COOKIES = 'dated=2; remembered=1; session=s%3Aabc.d%2Fe'

const COMMANDS: [what: string, command: string, output: string][] = [
  ['asks', 'curl -s "$SITE/"', asked({})],
  ['keeps the query', 'curl -s "$SITE/a?b=c&d=%2F"', asked({ url: '/a?b=c&d=%2F' })],
  ['posts nothing', 'curl -s -X POST "$SITE/"', asked({ method: 'POST' })],
  ['uses the method it is given', 'curl -s -X OPTIONS "$SITE/"', asked({ method: 'OPTIONS' })],
  ['posts a form', 'curl -s "$SITE/" -d a=b', sent('a=b')],
  [
    'posts JSON when it is told so',
    `curl -s "$SITE/" -H 'Content-Type: application/json' -d '{"a": "é"}'`,
    sent('{"a": "é"}', { type: 'application/json' }),
  ],
  [
    'sends headers',
    `curl -s -H "Origin: $SITE" -H 'Authorization: Bearer a:b' "$SITE/"`,
    asked({ origin: SITE, authorization: 'Bearer a:b' }),
  ],
  [
    'shows the head of an answer',
    'curl -s -i "$SITE/nothing"',
    `HTTP/1.1 404 Not Found\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n${asked({ url: '/nothing' })}`,
  ],
  ['follows no redirect', `curl -s -w ' %{http_code}\\n' "$SITE/onward"`, `${asked({ url: '/onward' })} 302\n`],
  ['writes into a file', `curl -s -o answer -w '%{http_code}\\n' "$SITE/" && cat answer`, `200\n${asked({})}`],
  ['sends no cookie from a jar that is not there', 'curl -s -b jar "$SITE/"', asked({})],
  [
    'keeps cookies in a jar',
    'curl -s -c jar -o answer "$SITE/sign-in" && curl -s -b jar "$SITE/"',
    asked({ cookie: ALL_COOKIES }),
  ],
  [
    'leaves the jar alone when it only reads it',
    'curl -s -c jar -o answer "$SITE/sign-in" && curl -s -b jar -o answer "$SITE/sign-out" && curl -s -b jar "$SITE/"',
    asked({ cookie: ALL_COOKIES }),
  ],
  [
    'takes a cookie of a date long past out of the jar',
    'curl -s -c jar -o answer "$SITE/sign-in" && curl -s -b jar -c jar -o answer "$SITE/sign-out" && curl -s -b jar "$SITE/"',
    asked({ cookie: 'dated=2; remembered=1' }),
  ],
  [
    'takes a cookie of no age out of the jar',
    'curl -s -c jar -o answer "$SITE/sign-in" && curl -s -b jar -c jar -o answer "$SITE/forget" && curl -s -b jar "$SITE/"',
    asked({ cookie: 'dated=2; session=s%3Aabc.d%2Fe' }),
  ],
  [
    'starts an empty jar when it only writes one',
    'curl -s -c jar -o answer "$SITE/sign-in" && curl -s -c jar -o answer "$SITE/" && curl -s -b jar "$SITE/"',
    asked({}),
  ],
  ['fails where nobody listens', 'curl -s http://127.0.0.1:1/ || echo "ended with $?"', 'ended with 7\n'],
]

const all = curls()

for (const curl of all) {
  describe(`what ${curl.name} does`, () => {
    for (const [what, command, output] of COMMANDS) {
      it(what, async () => {
        const [outcome] = await runInShell([command], curl, { SITE })
        assert.equal(outcome?.errors, '')
        assert.equal(outcome?.output, output)
      })
    }

    for (const other of all) {
      it(`reads the jar of ${other.name}`, async () => {
        const [write] = await runInShell(['curl -s -c jar -o answer "$SITE/sign-in" && cat jar'], other, { SITE })
        const read = 'printf "%s" "$JAR" > jar && curl -s -b jar "$SITE/"'
        const [outcome] = await runInShell([read], curl, { SITE, JAR: write?.output ?? '' })
        assert.equal(outcome?.output, asked({ cookie: ALL_COOKIES }))
      })
    }
  })
}

describe('the stand-in', () => {
  const standIn = all.at(-1) ?? assert.fail()

  it('refuses what it does not understand', async () => {
    for (const unknown of ['--json {}', '-L', '-si', '-k', `${SITE}/second`]) {
      const [outcome] = await runInShell([`curl -s ${unknown} "$SITE/"`], standIn, { SITE })
      assert.equal(outcome?.ended, false, unknown)
      assert.match(outcome?.errors ?? '', /not an option of the stand-in/, unknown)
    }
  })
})

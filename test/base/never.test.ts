/** What the source does not do, or in one place only: what a reader would otherwise have to look for in every file. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { codeOf, filesIn, read } from '../support/imports.ts'
import { runtimePackages } from '../support/runtime-packages.ts'

const source = filesIn('src', '.ts')
const scripts = filesIn('public', '.js')
const filesWith = (pattern: RegExp, files = source): string[] => files.filter((file) => pattern.test(codeOf(file)))

describe('the source', () => {
  it('is looked at', () => {
    assert.ok(source.length > 150 && scripts.length > 0, `${source.length}, ${scripts.length}`)
  })

  it('runs no text as code', () => {
    const CODE = /\beval\(|\bFunction\(|node:vm|set(Timeout|Interval)\(\s*['"`]/
    assert.deepEqual(filesWith(CODE, [...source, ...scripts]), [])
  })

  it('starts no program but the database of development', () => {
    const places = filesWith(/child_process/)
    assert.ok(places.length > 0)
    for (const file of places) {
      assert.match(file, /^src\/database\/embedded\//)
      // Arguments are given one by one, so no shell reads them.
      assert.doesNotMatch(codeOf(file), /\bexec\(|execSync|shell:/, file)
    }
  })

  it('makes a pattern of fixed text only', () => {
    assert.deepEqual(filesWith(/new RegExp\(/), [
      'src/accounts/fields.ts',
      // Digits of a hash.
      'src/accounts/passwords/breached-passwords.ts',
      'src/moving/arrivals.ts',
      // Paths and names from the source.
      'src/web/api/api.ts',
      'src/web/pages/onboarding.ts',
      'src/web/session/session-cookie.ts',
    ])
  })

  it('follows no redirect of another server', () => {
    for (const file of filesWith(/\bfetch\(/)) {
      const calls = codeOf(file).match(/\bfetch\(/g) ?? []
      const answers = codeOf(file).match(/redirect: '(error|manual)'/g) ?? []
      assert.equal(answers.length, calls.length, file)
    }
  })

  it('talks to nobody but whom the settings name', () => {
    assert.deepEqual(filesWith(/\bfetch\(|from 'node:(https|http2|net|tls|dgram)'|from 'nodemailer'|\brequest\(\{/), [
      // BREACHED_PASSWORDS_URL
      'src/accounts/passwords/breached-passwords.ts',
      // Its own standard output, where that is a pipe.
      'src/base/log-sink.ts',
      // PUBLIC_URL
      'src/cli/doctor/proxy.ts',
      // DATABASE_URL
      'src/database/connections.ts',
      'src/database/database.ts',
      'src/database/embedded/port.ts',
      'src/database/sockets.ts',
      // SMTP_URL
      'src/mail/conversation.ts',
      'src/mail/transport.ts',
      // It listens.
      'src/serving.ts',
    ])
  })

  it('takes chance from the system for whatever must not be guessed', () => {
    const PAUSES = [
      'src/accounts/passwords/hash-queue.ts',
      'src/database/connections.ts',
      'src/database/database.ts',
      'src/database/hosts.ts',
      'src/limits/rate-limits.ts',
    ]
    assert.deepEqual(filesWith(/Math\.random/), PAUSES)
    // A UUID has fewer bits than an id of ours: it names a request or a form, and opens nothing.
    assert.deepEqual(filesWith(/randomUUID\(/), [
      'src/cli/doctor/mail.ts',
      'src/web/api/endpoints/sign-in.ts',
      'src/web/middleware/csrf.ts',
      'src/web/middleware/request-log.ts',
      'src/web/pages/sign-up.ts',
    ])
  })

  it('encrypts and hashes by Node and by what is named here', () => {
    const CIPHER = /'(aes|des|rc2|rc4|chacha20|camellia|bf)-[\w-]+'/gi
    const named = (pattern: RegExp) =>
      source.flatMap((file) => [...codeOf(file).matchAll(pattern)].map(([name]) => `${file} ${name}`)).sort()
    assert.deepEqual(named(CIPHER), [
      // Firebase's scrypt encrypts its own key with what it has computed, to be compared.
      "src/accounts/passwords/foreign-check.ts 'aes-256-ctr'",
      "src/base/sealing.ts 'aes-256-gcm'",
    ])
    // CRAM-MD5, and the protocol of the service that knows leaked passwords.
    assert.deepEqual(named(/(createHash|createHmac)\('(md5|sha1|md4|ripemd160)'/g), [
      "src/accounts/passwords/breached-passwords.ts createHash('sha1'",
      "src/mail/conversation.ts createHmac('md5'",
    ])
    const PACKAGES = /crypt|argon|cipher|jwt|jose|sodium|noble|forge|tweetnacl|elliptic|webauthn|\/x509$/
    // The codes of apps are computed by `otpauth`, with @noble/hashes. What passkeys sign is checked by WebCrypto of Node; the packages
    // around that read its forms.
    assert.deepEqual(
      runtimePackages()
        .map(({ name }) => name)
        .filter((name) => PACKAGES.test(name) && !name.startsWith('@node-rs/argon2'))
        .sort(),
      // The codes of authenticator apps are HMAC-SHA-1; passkeys are signed.
      ['@noble/hashes', '@peculiar/x509', '@simplewebauthn/server', 'bcrypt', 'jose'],
    )
  })

  it('has no reader of XML, YAML or files that somebody uploads, and none for protocols that it does not speak', () => {
    const READERS = /xml|sax\b|yaml|graphql|^ws$|websocket|ldap|multer|busboy|formidable|memcache|saml|passport|latex/
    assert.deepEqual(
      runtimePackages()
        .map(({ name }) => name)
        .filter((name) => READERS.test(name)),
      [],
    )
  })
})

describe('the script of the pages', () => {
  it('builds no page from text in the browser, and keeps nothing there', () => {
    const WRITING = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment/
    const KEEPING =
      /localStorage|sessionStorage|indexedDB|document\.cookie|caches\.|postMessage|addEventListener\('message'/
    for (const file of scripts) assert.doesNotMatch(read(file), new RegExp(`${WRITING.source}|${KEEPING.source}`), file)
  })
})

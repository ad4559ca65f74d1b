/** Stored secrets: nobody can read one without the key and its name, and every change is noticed. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { open, seal } from '../../src/base/sealing.ts'

const [newer, older, foreign] = [randomBytes(32), randomBytes(32), randomBytes(32)]
const secret = randomBytes(32)
const NAME = 'the name of a key'

describe('a sealed secret', () => {
  it('is opened by the key and the name it was sealed with', () => {
    assert.deepEqual(open(seal(secret, NAME, [newer]), NAME, [newer]), { secret, outdated: false })
  })

  it('is sealed under the newest of several keys', () => {
    const sealed = seal(secret, NAME, [newer, older])
    assert.deepEqual(open(sealed, NAME, [newer]), { secret, outdated: false })
    assert.equal(open(sealed, NAME, [older]), undefined)
  })

  it('is opened by an older key too, and is then said to be outdated', () => {
    const sealed = seal(secret, NAME, [older])
    assert.deepEqual(open(sealed, NAME, [newer, older]), { secret, outdated: true })
    assert.deepEqual(open(sealed, NAME, [newer, foreign, older]), { secret, outdated: true })
  })

  it('is not in its text, in any spelling', () => {
    const sealed = seal(secret, NAME, [newer])
    const bytes = Buffer.from(sealed, 'base64url')
    assert.equal(bytes.includes(secret), false)
    assert.equal(bytes.includes(secret.subarray(0, 8)), false)
    for (const encoding of ['base64url', 'base64', 'hex'] as const) {
      assert.equal(sealed.includes(secret.toString(encoding).slice(0, 12)), false)
    }
  })

  it('is another text each time, so that two equal ones cannot be told', () => {
    const texts = Array.from({ length: 100 }, () => seal(secret, NAME, [newer]))
    assert.equal(new Set(texts).size, 100)
    // The first 12 bytes are the nonce. Using one twice would reveal the secret.
    assert.equal(new Set(texts.map((text) => text.slice(0, 16))).size, 100)
  })

  it('cannot be sealed without a key', () => {
    assert.throws(() => seal(secret, NAME, []), /no key/)
  })

  const sealed = seal(secret, NAME, [newer])
  const NOT_OPENED: { what: string; text: string; name?: string; keys?: Buffer[] }[] = [
    { what: 'another key', text: sealed, keys: [foreign] },
    { what: 'no key', text: sealed, keys: [] },
    { what: 'another name', text: sealed, name: 'the name of another key' },
    { what: 'no name', text: sealed, name: '' },
    { what: 'an empty text', text: '' },
    { what: 'a text that is too short for a nonce', text: sealed.slice(0, 10) },
    { what: 'a text without its end', text: sealed.slice(0, -2) },
    { what: 'a text with something at its end', text: `${sealed}AA` },
    { what: 'a nonce and a tag and nothing else', text: sealed.slice(0, 37) },
    { what: 'a text that is no base64', text: '!'.repeat(80) },
  ]
  for (const { what, text, name = NAME, keys = [newer] } of NOT_OPENED) {
    it(`is not opened by ${what}`, () => {
      assert.equal(open(text, name, keys), undefined)
    })
  }

  it('is not opened when a single bit of it was changed, whichever', () => {
    const bytes = Buffer.from(sealed, 'base64url')
    assert.equal(bytes.length, 12 + 16 + 32)
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      assert.equal(open(changed.toString('base64url'), NAME, [newer]), undefined, `bit ${bit}`)
    }
  })

  it('is not opened by a tag that was cut to its first bytes', () => {
    const bytes = Buffer.from(sealed, 'base64url')
    for (const length of [4, 8, 12]) {
      const cut = Buffer.concat([bytes.subarray(0, 12 + length), bytes.subarray(28)])
      assert.equal(open(cut.toString('base64url'), NAME, [newer]), undefined)
    }
  })
})

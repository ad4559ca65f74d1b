/** Which addresses, names and passwords are accepted: first by the rules themselves, then through the app. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { dictionary } from '@zxcvbn-ts/language-common'
import type { z } from 'zod'
import { CurrentPassword, DisplayName, Email, newPassword, signUpFields } from '../../src/accounts/fields.ts'
import { startApp } from '../support/app.ts'
import { openBrowser, problemsOf, somebody } from '../support/people.ts'

const MIN = 8
const MAX = 128

/** The value as the rule returns it, or the first message if it is refused. */
function judge(rule: z.ZodType, value: unknown): { kept: unknown } | { refused: string | undefined } {
  const parsed = rule.safeParse(value)
  return parsed.success ? { kept: parsed.data } : { refused: parsed.error.issues[0]?.message }
}

/** For test titles: shortens long texts and names invisible characters. */
function named(value: unknown): string {
  const json = JSON.stringify(value) ?? String(value)
  const visible = [...json].map((character) =>
    /[\p{L}\p{N}\p{P}\p{S} ]/u.test(character) && !/\p{DI}/u.test(character)
      ? character
      : `U+${character.codePointAt(0)?.toString(16)}`,
  )
  return visible.length > 60 ? `${visible.slice(0, 40).join('')}… (${visible.length})` : visible.join('')
}

const WRONG_FORMAT = 'Enter an email address in the correct format, like name@example.com'
const TOO_LONG = 'Email address must be 254 characters or fewer'
const label = (length: number) => 'd'.repeat(length)

describe('[I03, I04, I06] an email address', () => {
  const KEPT: [typed: string, kept: string][] = [
    ['ada@example.org', 'ada@example.org'],
    ['Ada.Lovelace@Example.ORG', 'ada.lovelace@example.org'],
    ['ADA@EXAMPLE.ORG', 'ada@example.org'],
    [' ada@example.org ', 'ada@example.org'],
    ['    ada@example.org', 'ada@example.org'],
    ['a+1@b.co', 'a+1@b.co'],
    ['a@b.co', 'a@b.co'],
    ['a.b@b.co', 'a.b@b.co'],
    ["o'hara@example.org", "o'hara@example.org"],
    ['ada%evil.test@example.org', 'ada%evil.test@example.org'],
    ['a_b-c@sub.domain.example.org', 'a_b-c@sub.domain.example.org'],
    [`${'l'.repeat(64)}@example.org`, `${'l'.repeat(64)}@example.org`],
    ['kIsI@example.org', 'kisi@example.org'],
  ]
  for (const [typed, kept] of KEPT) {
    it(`${named(typed)} is ${named(kept)}`, () => assert.deepEqual(judge(Email, typed), { kept }))
  }

  it('of 254 characters is taken', () => {
    const taken = `${'l'.repeat(60)}@${label(63)}.${label(63)}.${label(62)}.io`
    assert.equal(taken.length, 254)
    assert.deepEqual(judge(Email, taken), { kept: taken })
    assert.deepEqual(judge(Email, `${taken}x`), { refused: TOO_LONG })
  })

  /** Each would become the address of somebody else, or several addresses, once it is case-folded, cut or sent. */
  const REFUSED: [typed: unknown, message: string][] = [
    ['\u212aim@example.org', WRONG_FORMAT],
    ['kim@example.org'.replace('k', '\u212a'), WRONG_FORMAT],
    ['ada@exam\u212ale.org', WRONG_FORMAT],
    ['ada\uff20example.org', WRONG_FORMAT],
    ['ada@example\uff0eorg', WRONG_FORMAT],
    ['ada@example\u3002org', WRONG_FORMAT],
    ['\u017fam@example.org', WRONG_FORMAT],
    ['\u0130da@example.org', WRONG_FORMAT],
    ['\u0131da@example.org', WRONG_FORMAT],
    ['a\u00adda@example.org', WRONG_FORMAT],
    ['a\u200bda@example.org', WRONG_FORMAT],
    ['ada@example.org\u200b', WRONG_FORMAT],
    ['\ufeffada@example.org', WRONG_FORMAT],
    ['\u0430da@example.org', WRONG_FORMAT],
    ['ada@ex\u0430mple.org', WRONG_FORMAT],
    ['\uff41da@example.org', WRONG_FORMAT],
    ['josé@example.org', WRONG_FORMAT],
    ['ada@bücher.example', WRONG_FORMAT],
    ['\u00a0ada@example.org', WRONG_FORMAT],
    ['ada@example.org\n', WRONG_FORMAT],
    ['\nada@example.org', WRONG_FORMAT],
    ['ada@example.org\r\nBcc: eve@evil.test', WRONG_FORMAT],
    ['ada@example.org\t', WRONG_FORMAT],
    ['\tada@example.org', WRONG_FORMAT],
    ['ada@example.org\u0000', WRONG_FORMAT],
    ['ada\u0000@example.org', WRONG_FORMAT],
    ['ada @example.org', WRONG_FORMAT],
    ['ada@ example.org', WRONG_FORMAT],
    ['ada@example.org, eve@evil.test', WRONG_FORMAT],
    ['ada@example.org,eve@evil.test', WRONG_FORMAT],
    ['ada@example.org;eve@evil.test', WRONG_FORMAT],
    ['ada@example.org eve@evil.test', WRONG_FORMAT],
    ['ada@example.org@evil.test', WRONG_FORMAT],
    ['Ada <ada@example.org>', WRONG_FORMAT],
    ['<ada@example.org>', WRONG_FORMAT],
    ['mailto:ada@example.org', WRONG_FORMAT],
    ['"ada"@example.org', WRONG_FORMAT],
    ['"a b"@example.org', WRONG_FORMAT],
    ['ada(x)@example.org', WRONG_FORMAT],
    ['ada@[127.0.0.1]', WRONG_FORMAT],
    ['ada@localhost', WRONG_FORMAT],
    ['ada@example', WRONG_FORMAT],
    ['ada@.example.org', WRONG_FORMAT],
    ['ada@example..org', WRONG_FORMAT],
    ['ada@-example.org', WRONG_FORMAT],
    ['.ada@example.org', WRONG_FORMAT],
    ['ada.@example.org', WRONG_FORMAT],
    ['a..da@example.org', WRONG_FORMAT],
    ['@example.org', WRONG_FORMAT],
    ['ada@', WRONG_FORMAT],
    ['ada', WRONG_FORMAT],
    ['@', WRONG_FORMAT],
    ['"><script>alert(1)</script>@example.org', WRONG_FORMAT],
    [`${'l'.repeat(65)}@example.org`, WRONG_FORMAT],
    [`${'l'.repeat(64)}@${label(60)}.${label(60)}.${label(60)}.example.org`.padEnd(255, 'g'), TOO_LONG],
    [`ada@${`${label(60)}.`.repeat(5)}org`, TOO_LONG],
    [`${'l'.repeat(10_240)}@example.org`, TOO_LONG],
    ['x'.repeat(10_240), TOO_LONG],
    ['', 'Enter your email address'],
    ['   ', 'Enter your email address'],
    [undefined, 'Enter your email address'],
    [null, 'Enter your email address'],
    [1, 'Enter your email address'],
    [true, 'Enter your email address'],
    [{}, 'Enter your email address'],
    [['ada@example.org'], 'Enter your email address'],
    [['ada@example.org', 'eve@evil.test'], 'Enter your email address'],
    [{ toString: () => 'ada@example.org' }, 'Enter your email address'],
  ]
  for (const [typed, message] of REFUSED) {
    it(`${named(typed)} is refused`, () => assert.deepEqual(judge(Email, typed), { refused: message }))
  }
})

describe('a name', () => {
  const family = '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}'
  const KEPT: [typed: string, kept: string][] = [
    ['Ada', 'Ada'],
    ['  Ada   Lovelace  ', 'Ada Lovelace'],
    ['Zoe\u0308', 'Zoë'],
    ['Ada\u00a0Lovelace', 'Ada Lovelace'],
    ['Ada\tLovelace\t', 'Ada Lovelace'],
    ['\u202eAda\u202c', 'Ada'],
    ['A\u00add\u200ba\ufeff', 'Ada'],
    ['محمد', 'محمد'],
    ['می\u200cخواهم', 'می\u200cخواهم'],
    [family, family],
    ['李', '李'],
    ["Robert'); DROP TABLE users;--", "Robert'); DROP TABLE users;--"],
    ['<b>Ada</b>', '<b>Ada</b>'],
    ['x'.repeat(100), 'x'.repeat(100)],
    ['\u{1f600}'.repeat(100), '\u{1f600}'.repeat(100)],
    [` ${'x'.repeat(100)} `, 'x'.repeat(100)],
    [`Z${'\u0301'.repeat(99)}`, `\u0179${'\u0301'.repeat(98)}`],
  ]
  for (const [typed, kept] of KEPT) {
    it(`${named(typed)} is ${named(kept)}`, () => assert.deepEqual(judge(DisplayName, typed), { kept }))
  }

  const MISSING = 'Enter your name'
  const LONG = 'Name must be 100 characters or fewer'
  const ONE_LINE = 'Name must be one line of letters, spaces and punctuation'
  const REFUSED: [typed: unknown, message: string][] = [
    ['', MISSING],
    ['   ', MISSING],
    ['\u00a0\u2003', MISSING],
    ['\u200b\u00ad\ufeff', MISSING],
    ['\u202e', MISSING],
    ['\u200d\u200d', MISSING],
    ['\u200c', MISSING],
    ['\u3164', MISSING],
    ['\u115f', MISSING],
    ['\u034f', MISSING],
    ['\ufe0f', MISSING],
    ['\u{e0061}', MISSING],
    [undefined, MISSING],
    [null, MISSING],
    [['Ada'], MISSING],
    [{ first: 'Ada' }, MISSING],
    [7, MISSING],
    ['x'.repeat(101), LONG],
    ['\u{1f600}'.repeat(101), LONG],
    [`Z${'\u0301'.repeat(1000)}`, LONG],
    ['x'.repeat(10_240), LONG],
    ['Ada\u0000', ONE_LINE],
    ['Ada\nLovelace', ONE_LINE],
    ['Ada\r\nBcc: eve@evil.test', ONE_LINE],
    ['Ada\u000bLovelace', ONE_LINE],
    ['Ada\u001b[31m', ONE_LINE],
    ['Ada\u0085', ONE_LINE],
    ['Ada\u2028', ONE_LINE],
    ['Ada\u2029', ONE_LINE],
    ['Ada\ud800', ONE_LINE],
    ['\udc00Ada', ONE_LINE],
    ['Ada\ufffd', ONE_LINE],
  ]
  for (const [typed, message] of REFUSED) {
    it(`${named(typed)} is refused`, () => assert.deepEqual(judge(DisplayName, typed), { refused: message }))
  }
})

const COMMON = 'Do not use a very common password'
const SHORT = (min: number) => `Password must be ${min} characters or more`
const LONG = `Password must be ${MAX} characters or fewer`
const DAMAGED = 'Password must be text that a keyboard can type'

/** A text of this length without a pattern; each character is one code point. */
const varied = (length: number, alphabet = 'qzjxkvbwpyg') =>
  Array.from({ length }, (_, index) => [...alphabet][(index * index) % [...alphabet].length]).join('')
const EMOJI = '\u{1f600}\u{1f980}\u{1f6f0}\u{1f9ea}\u{1f33b}\u{1f419}\u{1f5ff}'

describe('[P01, P02, P07, P08, P09, P10, P12] a new password', () => {
  for (const min of [MIN, 15, 64]) {
    for (const alphabet of ['qzjxkvbwpyg', EMOJI, 'éèüñøåçßæ']) {
      it(`of ${min} ${named(alphabet)} is taken where ${min} are asked for, one fewer is not`, () => {
        const password = varied(min, alphabet)
        assert.deepEqual(judge(newPassword(min), password), { kept: password })
        assert.deepEqual(judge(newPassword(min), varied(min - 1, alphabet)), { refused: SHORT(min) })
      })
    }
  }

  for (const length of [64, 72, 73, 127, MAX]) {
    it(`of ${length} is taken`, () => {
      for (const alphabet of ['qzjxkvbwpyg', EMOJI]) {
        const password = varied(length, alphabet)
        assert.deepEqual(judge(newPassword(MIN), password), { kept: password })
        assert.deepEqual(judge(CurrentPassword, password), { kept: password })
      }
    })
  }

  for (const length of [MAX + 1, 1_000, 10_240]) {
    it(`of ${length} is refused, and not cut`, () => {
      for (const alphabet of ['qzjxkvbwpyg', EMOJI]) {
        assert.deepEqual(judge(newPassword(MIN), varied(length, alphabet)), { refused: LONG })
        assert.deepEqual(judge(CurrentPassword, varied(length, alphabet)), { refused: LONG })
      }
    })
  }

  it('is as long in either way to write an accent', () => {
    const letters = 'éèüñöåçâîôû'
    for (const form of ['NFC', 'NFD']) {
      const written = (length: number) => varied(length, letters).normalize(form)
      assert.deepEqual(judge(newPassword(MIN), written(MIN)), { kept: written(MIN) }, form)
      assert.deepEqual(judge(newPassword(MIN), written(MIN - 1)), { refused: SHORT(MIN) }, form)
      for (const rule of [newPassword(MIN), CurrentPassword]) {
        assert.deepEqual(judge(rule, written(MAX)), { kept: written(MAX) }, form)
        assert.deepEqual(judge(rule, written(MAX + 1)), { refused: LONG }, form)
      }
    }
  })

  const KEPT = [
    'plain tidy copper lantern',
    'correct horse battery staple but longer',
    'alllowercaselettersinonelongwordofmine',
    '  copper lantern  ',
    '\tcopper lantern\t',
    'copper\u0000lantern',
    'copper\nlantern',
    '<script>alert(1)</script>',
    'пароль из слов и снега',
    '\u{1f600} \u{1f980} \u{1f6f0} \u{1f9ea} \u{1f33b}',
    'matricula lantern copper',
    'adalovelace-and-more',
  ]
  for (const password of KEPT) {
    it(`${named(password)} is taken as it is`, () => {
      assert.deepEqual(judge(newPassword(MIN), password), { kept: password })
      assert.deepEqual(judge(CurrentPassword, password), { kept: password })
    })
  }

  const REFUSED: [typed: unknown, message: string][] = [
    ['', 'Enter a password'],
    [undefined, 'Enter a password'],
    [null, 'Enter a password'],
    [['copper lantern'], 'Enter a password'],
    [{ length: 20 }, 'Enter a password'],
    [12345678, 'Enter a password'],
    [true, 'Enter a password'],
    ['copper lantern\ud800', DAMAGED],
    ['copper lantern\ud801', DAMAGED],
    ['\udc00copper lantern', DAMAGED],
    ['copper lantern\ufffd', DAMAGED],
    ['password', COMMON],
    ['Password', COMMON],
    ['PASSWORD1', COMMON],
    ['12345678', COMMON],
    ['123456789', COMMON],
    ['87654321', COMMON],
    ['iloveyou', COMMON],
    ['qwertyuiop', COMMON],
    ['princess', COMMON],
    ['sunshine', COMMON],
    ['matricula', COMMON],
    ['Matricula!', COMMON],
    ['Matricula2026!', COMMON],
    ['physical-ai-2026', COMMON],
    ['humanoid1', COMMON],
    ['Robotics123', COMMON],
    ['passwort1', COMMON],
    ['aaaaaaaaaaaaaaa', COMMON],
    ['abababababab', COMMON],
    ['abcabcabcabc', COMMON],
    ['1a2b1a2b1a2b', COMMON],
    ['        ', COMMON],
    ['\u{1f600}'.repeat(8), COMMON],
    ['abcdefgh', COMMON],
    ['hgfedcba', COMMON],
    ['ABCDEFGHIJ', COMMON],
    ['\u{1f600}\u{1f601}\u{1f602}\u{1f603}\u{1f604}\u{1f605}\u{1f606}\u{1f607}', COMMON],
  ]
  for (const [typed, message] of REFUSED) {
    it(`${named(typed)} is refused`, () => assert.deepEqual(judge(newPassword(MIN), typed), { refused: message }))
  }
})

it('the list of common passwords holds 3,000 that our rules would take', () => {
  const long = (dictionary['passwords-common'] ?? []).map(String).filter((password) => password.length >= MIN)
  assert.ok(long.length >= 3_000, `${long.length} found`)
  for (const password of long.slice(0, 3_000))
    assert.equal(newPassword(MIN).safeParse(password).success, false, password)
})

describe('[P09] the password of a sign-up', () => {
  const person = { name: 'Zoé Lovelace', email: 'zoe.lovelace@example.org' }
  const OWN = 'Do not use your name or email address as your password'
  const REFUSED = [
    'zoe.lovelace@example.org',
    'ZOE.Lovelace@Example.org',
    'zoe.lovelace',
    'Zoe.Lovelace',
    'Zoé Lovelace',
    'zoé lovelace',
    'ZOÉ LOVELACE',
    'Zoé Lovelace'.normalize('NFD'),
  ]
  for (const password of REFUSED) {
    it(`is not ${named(password)}, for ${person.name}`, () => {
      const parsed = signUpFields(MIN).safeParse({ ...person, password })
      assert.deepEqual(
        parsed.error?.issues.map(({ path, message }) => [path, message]),
        [[['password'], OWN]],
      )
    })
  }

  it('may hold the name', () => {
    assert.ok(signUpFields(MIN).safeParse({ ...person, password: 'Zoé Lovelace likes copper' }).success)
  })
})

const app = await startApp()
const longer = await startApp({ PASSWORD_MIN_LENGTH: '15' })

/** Signs up with one password and logs in with another. Returns both statuses. */
async function setAndTry(set: string, tried: string): Promise<[signUp: number, login: number]> {
  const person = somebody('Ben')
  const browser = openBrowser(app)
  const signUp = await browser.signUp({ ...person, password: set })
  const login = await openBrowser(app).logIn({ ...person, password: tried })
  return [signUp.status, login.status]
}

describe('through the front door', () => {
  const head = varied(72)
  const SAME: [name: string, password: string][] = [
    ['of 64', varied(64)],
    ['of 72', head],
    ['of 73', varied(73)],
    ['of 128', varied(MAX)],
    ['of 128 emoji, 512 bytes', varied(MAX, EMOJI)],
    ['with spaces around it', '  copper lantern  '],
    ['with a tab at its end', 'copper lantern\t'],
    ['with NUL in it', 'copper\u0000lantern'],
    ['with line ends in it', 'copper\r\nlantern'],
    ['of one long word', 'alllowercaselettersinonelongwordofmine'],
  ]
  for (const [name, password] of SAME) {
    it(`[P02, P08, P10] a password ${name} is taken, and lets its owner in`, async () => {
      assert.deepEqual(await setAndTry(password, password), [303, 303])
    })
  }

  const OTHER: [name: string, set: string, tried: string][] = [
    ['the 73rd character', `${head}X`, `${head}Y`],
    ['what follows the 72nd', `${head}X`, head],
    ['what was not there', head, `${head}X`],
    ['the 128th character', `${varied(127)}X`, `${varied(127)}Y`],
    ['what follows 18 emoji', `${varied(18, EMOJI)}secret`, `${varied(18, EMOJI)}other`],
    ['what follows NUL', 'copper\u0000lantern', 'copper\u0000kettle'],
    ['the spaces before', '  copper lantern', 'copper lantern'],
    ['the spaces behind', 'copper lantern  ', 'copper lantern'],
    ['capitals', 'copper lantern', 'Copper Lantern'],
    ['an accent', 'copper lantérn', 'copper lantern'],
    ['the kind of a letter', 'copper lantern', 'copper lantern'.replace('c', '\u0441')],
    ['its width', 'copper lantern', '\uff43opper lantern'],
  ]
  for (const [name, set, tried] of OTHER) {
    it(`[P03, P04, P08] a password that differs in ${name} lets nobody in`, async () => {
      assert.deepEqual(await setAndTry(set, tried), [303, 422])
    })
  }

  it('[P02] a password of 129 is refused with the reason, and its first 128 are no password', async () => {
    const person = somebody('Ben')
    const tooLong = varied(MAX + 1)
    const response = await openBrowser(app).signUp({ ...person, password: tooLong })
    assert.equal(response.status, 422)
    assert.deepEqual(problemsOf(response.text), [{ href: '#new-password', message: LONG }])

    await openBrowser(app).signUp({ ...person, password: tooLong.slice(0, MAX) })
    const login = await openBrowser(app).logIn({ ...person, password: tooLong })
    assert.equal(login.status, 422)
    assert.deepEqual(problemsOf(login.text), [{ href: '#current-password', message: LONG }])
  })

  it('[P06] an accent may be typed in either way', async () => {
    const written = [
      'café über señor',
      'é'.repeat(20) + varied(20),
      varied(MAX, 'éèüñöåçâîôû'),
      '한국어 비밀번호 열쇠',
      'Ångström 2026 x',
    ]
    for (const password of written) {
      const [composed, apart] = [password.normalize('NFC'), password.normalize('NFD')]
      assert.notEqual(composed, apart)
      assert.deepEqual(await setAndTry(composed, apart), [303, 303], named(password))
      assert.deepEqual(await setAndTry(apart, composed), [303, 303], named(password))
    }
  })

  it('[P01] the shortest password is what the configuration says', async () => {
    const attempt = async (length: number) => {
      const response = await openBrowser(longer).signUp({ ...somebody('Ben'), password: varied(length) })
      return [response.status, ...problemsOf(response.text).map(({ message }) => message)]
    }
    assert.deepEqual(await attempt(14), [422, SHORT(15)])
    assert.deepEqual(await attempt(15), [303])
    assert.match((await openBrowser(longer).get('/sign-up')).text, /15 characters or more/)
  })

  it('[I04, I07] capitals and spaces around an address do not matter, a tag does', async () => {
    const ben = somebody('Ben')
    await openBrowser(app).signUp(ben)
    const attempt = async (email: string) => (await openBrowser(app).logIn({ ...ben, email })).status
    assert.equal(await attempt(` ${ben.email.toUpperCase()} `), 303)
    assert.equal(await attempt(ben.email.replace('@', '+1@')), 422)
  })

  it('[I03] an address that folds to the address of another is not that address', async () => {
    const kim = { ...somebody('Kim'), email: `kis-${randomBytes(4).toString('hex')}@example.org` }
    await openBrowser(app).signUp(kim)
    for (const email of [
      kim.email.replace('k', '\u212a'),
      kim.email.replace('s', '\u017f'),
      kim.email.replace('@', '\uff20'),
    ]) {
      const login = await openBrowser(app).logIn({ ...kim, email })
      assert.deepEqual([login.status, problemsOf(login.text)], [422, [{ href: '#email', message: WRONG_FORMAT }]])
      const signUp = await openBrowser(app).signUp({ ...kim, email })
      assert.deepEqual([signUp.status, problemsOf(signUp.text)], [422, [{ href: '#email', message: WRONG_FORMAT }]])
    }
  })
})

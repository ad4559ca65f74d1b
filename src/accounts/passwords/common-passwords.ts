/** Passwords that attackers try first (NIST SP 800-63B-4 section 3.1.1.2, ASVS 6.2.4). */
import { dictionary } from '@zxcvbn-ts/language-common'

const OWN_NAMES = ['matricula', 'physicalai', 'humanoid', 'robotics', 'password', 'passwort', 'contrasena']

/** Includes short passwords, since somebody may add spaces to reach the minimum length. */
const common = new Set((dictionary['passwords-common'] ?? []).map(String))

/**
 * Whether it is a listed password, one of our own words with digits or signs around it, a repetition or a sequence. Wide
 * letters and other shapes of a character count as that character (NFKC).
 */
export function isCommonPassword(password: string): boolean {
  const text = password.normalize('NFKC').toLowerCase().trim()
  const letters = text.replace(/[^\p{L}\p{M}]+/gu, '')
  return common.has(text) || OWN_NAMES.includes(letters) || isRepeated(text) || isRun(text)
}

/** The longest piece that makes a password common by its repetition alone. */
const PIECE_MAX = 8

/**
 * `aaaaaaaa`, `abababa`, `qwertyqwerty`: the same piece at least twice, the last time perhaps only in part. Or only spaces. A
 * longer piece must be common itself: `matriculamatricula`, `password1 password1`.
 */
function isRepeated(text: string): boolean {
  const lengths = Array.from({ length: Math.ceil(text.length / 2) }, (_, index) => index + 1)
  const repeats = (length: number) =>
    text
      .slice(0, length)
      .repeat(Math.ceil(text.length / length))
      .startsWith(text)
  const length = lengths.find(repeats)
  if (length === undefined) return text === ''
  return length <= PIECE_MAX ? 2 * length <= text.length : isCommonPassword(text.slice(0, length))
}

/** `12345678`, `7890123456`, `abcdefgh`, `87654321`: every character follows the one before, upwards or downwards. */
function isRun(text: string): boolean {
  const points = [...text].map((character) => character.codePointAt(0) ?? 0)
  const steps = points.slice(1).map((point, index) => point - (points[index] ?? 0))
  const goes = (by: number) => steps.every((step) => step === by || step === by - 10 * Math.sign(by))
  return goes(1) || goes(-1)
}

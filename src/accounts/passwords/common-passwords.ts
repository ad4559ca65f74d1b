/** Passwords that attackers try first (NIST SP 800-63B-4 section 3.1.1.2, ASVS 6.2.4). */
import { dictionary } from '@zxcvbn-ts/language-common'

const OWN_NAMES = ['matricula', 'physicalai', 'humanoid', 'robotics', 'password', 'passwort', 'contrasena']

/** Includes short passwords, since somebody may add spaces to reach the minimum length. */
const common = new Set((dictionary['passwords-common'] ?? []).map(String))

/** Whether it is a listed password, one of our own words with digits or signs around it, a repetition or a sequence. */
export function isCommonPassword(password: string): boolean {
  const text = password.normalize('NFC').toLowerCase().trim()
  const letters = text.replace(/[^\p{L}\p{M}]+/gu, '')
  return common.has(text) || OWN_NAMES.includes(letters) || isRepeated(text) || isRun(text)
}

/** The longest piece whose repetition is recognised. */
const PIECE_MAX = 8

/** `aaaaaaaa`, `abababa`, `qwertyqwerty`: the same piece at least twice, the last time perhaps only in part. Or only spaces. */
function isRepeated(text: string): boolean {
  const longest = Math.min(PIECE_MAX, Math.floor(text.length / 2))
  const pieces = Array.from({ length: longest }, (_, index) => text.slice(0, index + 1))
  return text === '' || pieces.some((piece) => piece.repeat(text.length).startsWith(text))
}

/** `12345678`, `7890123456`, `abcdefgh`, `87654321`: every character follows the one before, upwards or downwards. */
function isRun(text: string): boolean {
  const points = [...text].map((character) => character.codePointAt(0) ?? 0)
  const steps = points.slice(1).map((point, index) => point - (points[index] ?? 0))
  const goes = (by: number) => steps.every((step) => step === by || step === by - 10 * Math.sign(by))
  return goes(1) || goes(-1)
}

/** Passwords that an attacker tries first (NIST SP 800-63B-4 section 3.1.1.2, ASVS 6.2.4). */
import { dictionary } from '@zxcvbn-ts/language-common'

/** Shorter ones are refused for their length already. */
const SHORTEST_ALLOWED = 8
const OWN_NAMES = ['matricula', 'physicalai', 'humanoid', 'robotics', 'password', 'passwort', 'contrasena']

const common = new Set(
  (dictionary['passwords-common'] ?? []).map(String).filter((text) => text.length >= SHORTEST_ALLOWED),
)

/** True for a listed password, our own words with digits or signs around them, and one repeated or running pattern. */
export function isCommonPassword(password: string): boolean {
  const text = password.normalize('NFC').toLowerCase().trim()
  const letters = text.replace(/[^\p{L}\p{M}]+/gu, '')
  return common.has(text) || OWN_NAMES.includes(letters) || isRepeated(text) || isRun(text)
}

/** `aaaaaaaa`, `abababab`, `qwertyqwerty`: a piece of up to eight characters, again and again, and spaces alone. */
const isRepeated = (text: string): boolean => text === '' || /^(.{1,8})\1+$/su.test(text)

/** `12345678`, `7890123456`, `abcdefgh`, `87654321`: every character is the next one, or every one the previous. */
function isRun(text: string): boolean {
  const points = [...text].map((character) => character.codePointAt(0) ?? 0)
  const steps = points.slice(1).map((point, index) => point - (points[index] ?? 0))
  const goes = (by: number) => steps.every((step) => step === by || step === by - 10 * Math.sign(by))
  return goes(1) || goes(-1)
}

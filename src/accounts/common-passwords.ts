/** Passwords that an attacker tries first (NIST SP 800-63B-4 section 3.1.1.2, ASVS 6.2.4). */
import { dictionary } from '@zxcvbn-ts/language-common'

/** Shorter ones are refused for their length already. */
const SHORTEST_ALLOWED = 8
const OWN_NAMES = ['matricula', 'physicalai', 'humanoid', 'robotics', 'password', 'passwort', 'contrasena']

const common = new Set(
  (dictionary['passwords-common'] ?? []).map(String).filter((text) => text.length >= SHORTEST_ALLOWED),
)

/** True for a listed password, the product's own words with digits or signs around them, and one repeated or running pattern. */
export function isCommonPassword(password: string): boolean {
  const text = password.normalize('NFC').toLowerCase()
  const letters = text.replace(/[^a-z]+/g, '')
  return common.has(text) || OWN_NAMES.includes(letters) || isRepeated(text) || isRun(text)
}

/** `aaaaaaaa`, `abababab`, `123123123`: a piece of up to four characters, again and again. */
const isRepeated = (text: string): boolean => /^(.{1,4})\1+$/su.test(text)

/** `12345678`, `abcdefgh`, `87654321`: every character is the next or the previous one. */
function isRun(text: string): boolean {
  const steps = [...text]
    .slice(1)
    .map((character, index) => (character.codePointAt(0) ?? 0) - (text.codePointAt(index) ?? 0))
  return steps.length > 0 && (steps.every((step) => step === 1) || steps.every((step) => step === -1))
}

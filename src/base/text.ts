/** What counts as text, for names, passwords and answers alike. */

/** NFC joins at most four code points, of two UTF-16 units each, into one. A text with more units is too long in any case. */
export const UNITS_OF_ONE_MAX = 8

/** Whether there is a visible letter, digit or sign. Filler characters of some scripts count as letters and are blank. */
export const hasVisibleCharacter = (text: string): boolean =>
  /[\p{L}\p{N}\p{P}\p{S}]/u.test(text.replace(/[\u115f\u1160\u2800\u3164\uffa0]/g, ''))

/**
 * Text from elsewhere as it may be printed on a terminal: characters that would move the cursor, colour what follows or turn
 * its direction are written out, like \\u001b. In JSON they mean the same as before.
 */
export const printable = (text: string): string =>
  text.replace(
    /[\p{Cc}\u2028-\u202e\u2066-\u2069\u200e\u200f\ufeff]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

/** A short pause in words, for text like “in 5 seconds”. */
export const secondsInWords = (seconds: number): string => (seconds === 1 ? 'a second' : `${seconds} seconds`)

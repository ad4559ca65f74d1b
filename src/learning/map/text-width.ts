/**
 * How wide a text is at most, for a server without fonts. The widths are those of DejaVu Sans, the widest of the fonts that
 * systems use for their pages, so that a name in any other one, also in semibold, is narrower.
 */

/** Widths in hundredths of the font size, and the characters that are that wide. */
const WIDTHS: readonly [width: number, characters: string][] = [
  [28, "'ijl"],
  [32, ' ,.IJ'],
  [36, '/:;\\|f-'],
  [41, '()[]tr!'],
  [50, '*_`"'],
  [56, 'sz?cL'],
  [59, 'Fkvxy'],
  [63, 'PTYaoeESbdghnpqu'],
  [70, '0123456789{}KAVBRXZC$'],
  [79, 'UHNDG&OQ'],
]
/** Of the few characters that are wider than all of these, such as W and m. */
const WIDEST = 100

const widthOfCharacter = new Map(WIDTHS.flatMap(([width, characters]) => [...characters].map((each) => [each, width])))

/** In the unit of `size`. */
export const textWidth = (text: string, size: number): number =>
  [...text].reduce((sum, character) => sum + (widthOfCharacter.get(character) ?? WIDEST), 0) * (size / 100)

/** The lines that a browser breaks a text into. A word that is wider than the room is a line that is too wide. */
export function brokenLines(text: string, size: number, room: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const longer = lines.length > 0 ? `${lines.at(-1)} ${word}` : word
    if (lines.length > 0 && textWidth(longer, size) <= room) lines[lines.length - 1] = longer
    else lines.push(word)
  }
  return lines
}

/**
 * The lines of a file that moves in. Not by `node:readline`, which gathers a line without end until the process ends for want
 * of memory, and in some releases ends lines at U+2028 too, which JSON and COPY leave as it is.
 */
import { Unreadable } from './exports-of-others.ts'

/** A thousand lessons with all that is kept of them take a tenth of it. */
export const LINE_MAX_LENGTH = 2 ** 22

/**
 * The lines of a text in UTF-8, without their ends and without a byte-order mark. In place of one that is longer than 4 million
 * characters stands undefined.
 * @throws {Unreadable} for UTF-16.
 */
export async function* linesIn(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string | undefined> {
  const decoder = new TextDecoder()
  let isFirst = true
  let line = ''
  let isTooLong = false
  const ended = () => (isTooLong ? undefined : line.replace(/\r$/, ''))
  for await (const chunk of bytes) {
    if (isFirst) refuseUtf16(chunk)
    isFirst = false
    for (const [index, piece] of decoder.decode(chunk, { stream: true }).split('\n').entries()) {
      if (index > 0) {
        yield ended()
        line = ''
        isTooLong = false
      }
      isTooLong ||= line.length + piece.length > LINE_MAX_LENGTH
      line = isTooLong ? '' : line + piece
    }
  }
  if (line !== '' || isTooLong) yield ended()
}

function refuseUtf16([first, second]: Uint8Array): void {
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff))
    throw new Unreadable('This is in UTF-16. Make it UTF-8 first: iconv --from-code=UTF-16 --to-code=UTF-8')
}

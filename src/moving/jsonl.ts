/** People in a file with one JSON object in each line. */
import { type HashConfig, hashConfigIn, type Person, personIn, type Raw, Unreadable } from './exports-of-others.ts'
import { linesIn } from './lines.ts'

/** Somebody and where in the source they stand, or why what stands there is nobody. */
export type Sourced = { place: string } & ({ person: Person; why?: undefined } | { person?: undefined; why: string })

/** The people of a file, one after the other. What cannot be read comes with the reason. */
export async function* peopleInLines(file: AsyncIterable<Uint8Array>): AsyncGenerator<Sourced> {
  let config: HashConfig | undefined
  let number = 0
  for await (const text of linesIn(file)) {
    number += 1
    const place = `line ${number}`
    if (text === undefined) yield { place, why: 'it is longer than 4 million characters' }
    if (text === undefined || text.trim() === '') continue
    try {
      const raw = objectIn(text)
      const given = hashConfigIn(raw)
      if (given === undefined) yield { place, person: personIn(raw, config) }
      config = given ?? config
    } catch (error) {
      // One line of nonsense, like an object where a number should be, must not keep everybody else out.
      yield { place, why: error instanceof Unreadable ? error.message : 'it is not understood' }
    }
  }
}

function objectIn(text: string): Raw {
  const parsed = parsedOrUndefined(text)
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new Unreadable('it is not a JSON object on one line')
  return parsed as Raw
}

function parsedOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** People in a file with one JSON object in each line. */
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { type HashConfig, hashConfigIn, type Person, personIn, type Raw, Unreadable } from './exports-of-others.ts'

/** Somebody and where in the source they stand, or why what stands there is nobody. */
export type Sourced = { place: string } & ({ person: Person; why?: undefined } | { person?: undefined; why: string })

/** The people of a file, one after the other. What cannot be read comes with the reason. */
export async function* peopleInLines(file: Readable): AsyncGenerator<Sourced> {
  let config: HashConfig | undefined
  let number = 0
  for await (const line of createInterface({ input: file, crlfDelay: Number.POSITIVE_INFINITY })) {
    number += 1
    const text = number === 1 ? line.replace(/^\ufeff/, '') : line
    if (text.trim() === '') continue
    const place = `line ${number}`
    try {
      const raw = objectIn(text)
      const given = hashConfigIn(raw)
      if (given === undefined) yield { place, person: personIn(raw, config) }
      config = given ?? config
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error
      yield { place, why: error.message }
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

/** Which lesson leads to which, without what follows from the others. */
import type { Catalogue, Lesson } from '../catalogue.ts'

export type Link = { from: Lesson; to: Lesson }

/** The links of a catalogue: of the prerequisites of a lesson those that no other of them requires anyway. */
export function linksOf({ lessons, byId }: Catalogue): Link[] {
  return lessons.flatMap((to) => {
    const needed = to.prereqs.flatMap((id) => byId.get(id) ?? [])
    const direct = needed.filter(({ id }) => !needed.some(({ before }) => before.has(id)))
    return direct.map((from) => ({ from, to }))
  })
}

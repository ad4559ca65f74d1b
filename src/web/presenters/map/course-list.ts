/** The lessons of the course by module, as the map shows them. */
import { CATALOGUE, type Lesson, MODULES, type Module } from '../../../learning/catalogue.ts'
import type { Progress } from '../../../learning/progress.ts'
import type { Advice, Recommendations } from '../../../learning/recommendations.ts'
import { stateInWords } from '../lesson.ts'

/** What a station looks like. `here` is the lesson to do now, `next` are the others that are suggested. */
type Mark = Advice['state'] | 'here' | 'next' | 'plain'

type Stop = { lesson: Lesson; number: number; mark: Mark; words: string; missing: readonly Lesson[] }

const byModule = (stops: readonly Stop[]) =>
  (Object.entries(MODULES) as [Module, string][]).map(([module, label]) => ({
    module,
    label,
    stops: stops.filter(({ lesson }) => lesson.module === module),
  }))

/** For a learner: each lesson with its state, and the ids of those behind them. */
export function courseFor({ all, startNow }: Recommendations, progress: Progress) {
  const suggested = startNow.map(({ lesson }) => lesson.id)
  const stops = all.map((advice, index): Stop => {
    const { lesson, state, missing } = advice
    const stop = { lesson, number: index + 1, missing }
    if (!suggested.includes(lesson.id)) return { ...stop, mark: state, words: stateInWords(advice, progress) }
    const isFirst = lesson.id === suggested[0]
    const isStarted = progress.get(lesson.id)?.state === 'started'
    const place = isFirst ? 'Do this now' : 'Next'
    return { ...stop, mark: isFirst ? 'here' : 'next', words: isStarted ? 'Started' : place }
  })
  const behind = all.filter(({ state }) => state === 'done' || state === 'assumed').map(({ lesson }) => lesson.id)
  return { modules: byModule(stops), behind: new Set(behind), isPersonal: true }
}

/** For everybody. */
export const COURSE = {
  modules: byModule(
    CATALOGUE.lessons.map((lesson, index) => ({ lesson, number: index + 1, mark: 'plain', words: '', missing: [] })),
  ),
  behind: new Set(CATALOGUE.lessons.map(({ id }) => id)),
  isPersonal: false,
}

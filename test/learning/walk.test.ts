/** The walk that docs/learning.md tells is the one that the program suggests. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { CATALOGUE } from '../../src/learning/catalogue.ts'
import { untilCapstone, weeksFor, weeksOf } from '../../src/learning/plan.ts'
import { pathOf } from '../../src/learning/recommendations.ts'
import { read } from '../support/imports.ts'
import { PROFILE } from '../support/learning.ts'
import { answersOf } from '../support/profiles.ts'

const HOURS = 4

it('a learner with four hours a week comes to the capstone as written', () => {
  const section = read('docs/learning.md').split('## A walk')[1]?.split('\n## ')[0] ?? ''
  const told = [...section.matchAll(/^\| (\d[^|]*?) +\| ([^|]+?) +\| [A-Z][^|]+\|$/gm)].map(([, weeks, title]) => [
    weeks,
    title,
  ])
  const path = pathOf(CATALOGUE, answersOf(PROFILE), new Map())
  const { goal, lessons } = untilCapstone(path)
  assert.equal(goal, 'capstone')
  const way = path.slice(0, lessons.length + 1)
  const weeks = weeksOf(way, HOURS, 0)
  assert.deepEqual(
    told,
    way.map((lesson) => {
      const own = weeks.flatMap((week, index) => (week.lessons.some((one) => one.lesson === lesson) ? [index + 1] : []))
      return [own.length > 1 ? `${own[0]} to ${own.at(-1)}` : String(own[0]), lesson.title]
    }),
  )
  assert.deepEqual(weeksFor(lessons, HOURS), { from: 19, to: 25 })
})

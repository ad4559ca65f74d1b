/** How many learners came how far. */
import { countFunnel } from '../learning/funnel.ts'
import { command } from './frame/command.ts'

export const REPORT = command({
  name: 'report',
  summary: 'how many learners signed up, began and finished onboarding',
  json: true,
  run: async ({ deps, out }) => {
    const counts = await countFunnel((await deps()).sql)
    const { signedUp, began, finished, skipped, learning } = counts
    const share = (count: number) => (signedUp === 0 ? '' : `${((100 * count) / signedUp).toFixed(1).padStart(7)} %`)
    const rows: [string, number][] = [
      ['signed up', signedUp],
      ['began onboarding', began],
      ['finished it', finished],
      ['skipped all of it', skipped],
      ['marked a lesson', learning],
    ]
    out.tell(counts, () => rows.map(([what, count]) => `${what.padEnd(18)}${String(count).padStart(8)}${share(count)}`))
  },
})

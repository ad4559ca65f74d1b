/** Deletes what is over, as a server does by itself. */
import { deleteWhatIsOver } from '../housekeeping.ts'
import { command } from './frame/command.ts'
import { tableOf } from './frame/output.ts'

export const PRUNE = command({
  name: 'prune',
  summary: 'delete what is over, as a server does every 15 minutes',
  details: 'For a site whose server sleeps, and before a copy of the database is taken.',
  json: true,
  changes: true,
  run: async ({ deps, audited, out }) => {
    const { sql, now } = await deps()
    const counts: Record<string, number> = {}
    await audited({}, async (note) => {
      let progress = out.progress('')
      let before = ''
      await deleteWhatIsOver({ sql, now }, (table, count, done) => {
        if (table !== before) progress = out.progress(table)
        before = done ? '' : table
        progress.set(count)
        if (done) progress.end(`${table}: ${count} deleted`)
        // A table may be named twice, for two reasons why its rows are over.
        if (done) counts[table] = (counts[table] ?? 0) + count
      })
      note({ deleted: counts })
    })
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0)
    const rows = Object.entries(counts).filter(([, count]) => count > 0)
    out.tell({ deleted: counts }, () => [
      `${total} rows deleted`,
      ...tableOf(rows.map(([table, count]) => [`  ${table}`, String(count)])),
    ])
  },
})

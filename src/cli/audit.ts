/** What operators have changed. */
import { type AuditEntry, listAudit } from '../database/audit.ts'
import { command } from './frame/command.ts'
import { UsageError } from './frame/exits.ts'
import { countOf, tableOf } from './frame/output.ts'

const LISTED = 100

const list = command({
  name: 'audit list',
  summary: 'what operators have changed: when, who, what, whom',
  details: 'The newest first. `unfinished` is being done at the moment, or broke off.',
  options: {
    whom: { type: 'string', value: 'ID', what: 'only about this account, key or mail' },
    since: { type: 'string', value: 'TIME', what: 'only from this day or moment on: 2026-11-30, or with the time' },
    limit: { type: 'string', value: 'NUMBER', what: `this many at most; without it, ${LISTED}` },
  },
  json: true,
  run: async ({ deps, options, out }) => {
    const since = options.since === undefined ? undefined : timeOf(options.since)
    const limit = countOf(options.limit, LISTED)
    const entries = await listAudit((await deps()).sql, { whom: options.whom, since, limit })
    out.tell(entries, () => (entries.length === 0 ? ['Nothing was changed.'] : tableOf(entries.map(cellsOf))))
  },
})

const cellsOf = ({ at, who, osUser, what, whom, details, outcome }: AuditEntry): string[] => [
  at.toISOString(),
  who === osUser ? who : `${who} (${osUser})`,
  what,
  whom ?? '-',
  outcome ?? 'unfinished',
  Object.keys(details).length === 0 ? '' : JSON.stringify(details),
]

/** In milliseconds. Without a zone, a day and a time are in UTC, as everything that commands print. */
function timeOf(text: string): number {
  const withZone = /T.*(Z|[+-]\d\d:?\d\d)$/i.test(text) || !text.includes('T') ? text : `${text}Z`
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(withZone) : Number.NaN
  if (Number.isNaN(time)) throw new UsageError('A time is written like 2026-11-30 or 2026-11-30T08:15:00Z.')
  return time
}

export const AUDIT = [list]

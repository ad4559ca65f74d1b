/** What became of each person of a source. */

/** Why somebody was left out. */
export const LEFT_OUT = {
  unreadable: 'cannot be read',
  'against-a-rule': 'does not fit our rules',
  blocked: 'is blocked where they come from',
  'unknown-hash': 'has a password hash of a kind that is not known here, or that takes too long to check',
  'argon2-missing': 'has a hash of Argon2, for which the package @node-rs/argon2 is not installed',
  'other-secrets': 'has a hash of a Matricula with other APP_SECRETS',
  'second-step-of-others':
    'has a second step that none of the APP_SECRETS here opens: remove `secondStep` to take them without it',
  'same-address': 'has the address of somebody before',
  'other-id': 'has an address whose account here has another id',
  'being-deleted': 'has the address of an account that is being deleted here',
  'id-taken': 'has the id of another account',
  'id-deleted': 'has the id of an account that was deleted here',
  'just-changed': 'was added or deleted here at the same moment: run the import again',
} as const
export type LeftOut = keyof typeof LEFT_OUT

/** What an operator should know of somebody who was taken. */
export const NOTES = {
  'no-password': 'has no password: the first login takes a link for a new one',
  'same-mailbox': 'may be the same person as somebody before, by the address',
  'no-name': 'had no name that can be shown: it is the first part of the address now',
} as const
export type Note = keyof typeof NOTES

export type Entry = { place: string; outcome: 'left-out' | 'noted'; reason: LeftOut | Note; detail?: string }

export type Report = {
  read: number
  /** Moved in, or in a dry run: would be. */
  taken: number
  /** Had been here, as after an earlier run. Nothing of them was changed. */
  already: number
  leftOut: number
  /** One for each who was left out, and for each note. */
  entries: Entry[]
}

export const emptyReport = (): Report => ({ read: 0, taken: 0, already: 0, leftOut: 0, entries: [] })

const SHOWN = 10

/** The report in lines: how many, and of each reason the first few places. No addresses. */
export function linesOf({ read, taken, already, leftOut, entries }: Report, { dryRun }: { dryRun: boolean }): string[] {
  const counts = [
    `${read} read`,
    `${taken} ${dryRun ? 'would be moved in' : 'moved in'}`,
    `${already} here already`,
    `${leftOut} left out`,
  ]
  return [counts.join(', '), ...[...grouped(entries)].flatMap(([reason, group]) => linesOfGroup(reason, group))]
}

function grouped(entries: readonly Entry[]): Map<LeftOut | Note, Entry[]> {
  const groups = new Map<LeftOut | Note, Entry[]>()
  for (const entry of entries) {
    const group = groups.get(entry.reason)
    if (group) group.push(entry)
    else groups.set(entry.reason, [entry])
  }
  return groups
}

const WORDS: Record<LeftOut | Note, string> = { ...LEFT_OUT, ...NOTES }

function linesOfGroup(reason: LeftOut | Note, group: readonly Entry[]): string[] {
  const places = group.slice(0, SHOWN).map(({ place, detail }) => `  ${[place, detail].filter(Boolean).join(': ')}`)
  const more = group.length > SHOWN ? [`  and ${group.length - SHOWN} more`] : []
  const outcome = group[0]?.outcome === 'noted' ? 'note' : 'left out'
  return [`${outcome}, ${group.length}: ${WORDS[reason]}`, ...places, ...more]
}

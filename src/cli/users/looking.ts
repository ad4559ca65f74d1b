/** Looking at learners: finding them, what there is of them, and why one cannot get in. */
import { ACTIVITIES } from '../../accounts/activity.ts'
import { findObstacles } from '../../accounts/support/obstacles.ts'
import { reportOn, type UserReport } from '../../accounts/support/user-report.ts'
import { type Found, searchUsers } from '../../accounts/support/user-search.ts'
import { command } from '../frame/command.ts'
import { Failure, UsageError } from '../frame/exits.ts'
import { tableOf } from '../frame/output.ts'
import { accountOf, namedBy, WHOM } from './whom.ts'
import { type Said, said } from './words.ts'

const LISTED = 50
const LISTED_MAX = 1_000

export const find = command({
  name: 'users find',
  summary: 'accounts by a part of the name or address, or the beginning of the id',
  details: 'The newest first. It reads all accounts, which takes a moment where there are very many.',
  arguments: { text: { what: 'the part', missing: 'Whom? Give a part of their name or address.' } },
  options: { limit: { type: 'string', value: 'NUMBER', what: `this many at most; without it, ${LISTED}` } },
  json: true,
  run: async ({ deps, args: { text }, options, out }) => {
    const limit = options.limit === undefined ? LISTED : Number(options.limit)
    if (!Number.isInteger(limit) || limit < 1 || limit > LISTED_MAX)
      throw new UsageError(`A limit is a whole number from 1 to ${LISTED_MAX}.`)
    if (text.trim() === '') throw new UsageError('Whom? Give a part of their name or address.')
    const found = await searchUsers((await deps()).sql, text.trim(), limit)
    out.tell(found, () => (found.length === 0 ? ['Nobody.'] : tableOf(found.map(cellsOf))))
  },
})

const cellsOf = (found: Found): string[] => [
  found.id,
  found.email,
  onOneLine(found.name),
  `since ${found.createdAt.toISOString()}`,
  stateOf(found),
]

/** A name is the learner's to choose, so nothing in it may steer the terminal. */
const onOneLine = (name: string): string => name.replace(/[\p{C}\s]+/gu, ' ').trim() || '(no name)'

const stateOf = ({ deleteAt, suspendedAt }: Pick<Found, 'deleteAt' | 'suspendedAt'>): string =>
  [
    ...(suspendedAt ? [`suspended since ${suspendedAt.toISOString()}`] : []),
    ...(deleteAt ? [`deleted, for good at ${deleteAt.toISOString()}`] : []),
  ].join(', ')

export const show = command({
  name: 'users show',
  summary: 'what support needs to know of an account: state, sessions, mails, what happened lately',
  arguments: { whom: WHOM },
  json: true,
  run: async ({ deps, args: { whom }, out }) => {
    const parts = await deps()
    const report = await reportOn(parts, await accountOf(parts, whom))
    out.tell(report, () => linesOf(report))
  },
})

const PASSWORDS = { set: 'set', none: 'none: see users why', unusable: 'cannot match: see users why' }
const day = (at: Date | null): string => at?.toISOString() ?? '-'

function linesOf(report: UserReport): string[] {
  const { sessions, limits, mails, activity } = report
  const facts: [string, string][] = [
    ['id', report.id],
    ['address', `${report.email}${report.emailVerified ? '' : ' (not confirmed)'}`],
    ['name', onOneLine(report.name)],
    ['state', stateOf(report) || 'open'],
    ...(report.suspendedReason === null ? [] : [['reason', onOneLine(report.suspendedReason)] as [string, string]]),
    ['password', PASSWORDS[report.password]],
    ['second step', report.secondStep ? `on, recovery codes left: ${report.recoveryCodesLeft}` : 'off'],
    ['passkeys', String(report.passkeys)],
    ['signed up', day(report.createdAt)],
    ['onboarded', day(report.onboardedAt)],
    ['login notices', report.loginNotices ? 'on' : 'off'],
  ]
  const seen = sessions.map(({ device, network, seenAt, endsAt }) => [
    `  ${device}`,
    `network ${network}`,
    `seen ${seenAt.toISOString()}`,
    `ends ${endsAt.toISOString()}`,
  ])
  const events = activity.map(({ at, kind, device, network }) => [
    `  ${at.toISOString()}`,
    ACTIVITIES[kind],
    device === undefined ? '' : `${device}, network ${network}`,
  ])
  return [
    ...tableOf(facts),
    ...section(
      'limits used up',
      tableOf(limits.map(({ stops, until }) => [`  ${stops}`, `until ${until.toISOString()}`])),
    ),
    ...section('emails with a link', tableOf(mails.map(mailCells))),
    ...section(`open sessions: ${sessions.length}`, tableOf(seen), { always: true }),
    ...section('lately', tableOf(events)),
  ]
}

const section = (title: string, lines: string[], { always = false } = {}): string[] =>
  lines.length > 0 || always ? [title, ...lines] : []

function mailCells(mail: UserReport['mails'][number]): string[] {
  const became = mail.state === 'ended' ? `${mail.outcome} at ${mail.at.toISOString()}` : mail.state
  return [`  ${mail.purpose}`, `asked for at ${mail.askedAt.toISOString()}`, became]
}

const UNSEEN =
  'Not seen from here: limits of their network and of a device that has logged in before, which end by themselves within 15 minutes to an hour.'

export const why = command({
  name: 'users why',
  summary: 'why a learner cannot get in, and the command that helps',
  details: 'It also takes an address that nobody has, or that is mistyped: similar ones are named.',
  arguments: { whom: WHOM },
  json: true,
  run: async ({ deps, args, out }) => {
    const parts = await deps()
    const named = namedBy(args.whom)
    if (named === '') throw new UsageError(WHOM.missing)
    const { account, obstacles } = await findObstacles(parts, named)
    if (account === undefined && !named.includes('@') && obstacles.every(({ what }) => what !== 'deleted-for-good'))
      throw new Failure('noInput', 'Nobody has this id, and it is no address. See users find.')
    const { origin, enabled } = parts.mail
    const about = { account, whom: account?.id ?? named, origin, mailEnabled: enabled }
    // What stops them comes first.
    const told = obstacles
      .map((obstacle) => ({ ...obstacle, ...said(obstacle, about) }))
      .sort((one, other) => Number(other.stops) - Number(one.stops))
    const who = account === undefined ? null : { id: account.id, email: account.email, name: account.name }
    out.tell({ account: who, obstacles: told, unseen: UNSEEN }, () => [
      ...(account === undefined ? [] : [`${account.email}  ${onOneLine(account.name)}  ${account.id}`]),
      ...(told.some(({ stops }) => stops)
        ? []
        : [
            out.coloured(
              'Nothing that is stored keeps them out. Do they type the right password? It can be reset.',
              'green',
            ),
          ]),
      ...told.flatMap((one) => saidLines(one, (text) => out.coloured(text, 'red'))),
      UNSEEN,
    ])
  },
})

const saidLines = ({ stops, says, help }: Said, red: (text: string) => string): string[] => [
  `${stops ? red('stops') : 'also '}  ${says}`,
  ...(help === undefined ? [] : [`       ${help}`]),
]

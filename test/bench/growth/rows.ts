/** What the rows of learners look like, in the format of COPY. */
import { randomBytes, randomInt } from 'node:crypto'
import { newId } from '../../../src/base/ids.ts'
import { hashedId } from '../../../src/web/session/session-cookie.ts'
import { PROFILE } from '../../support/learning.ts'
import { MARKS } from '../learners.ts'

const DAY_MS = 24 * 60 * 60_000
const GROUP_MS = 60_000
const SESSIONS_EACH = 2
const ACTIVITIES_EACH = 5
/** One session of so many belongs to an app that refreshes its tokens. */
const SESSIONS_TO_A_FAMILY = 10
/** One session that is over for so many that are not. */
const SESSIONS_TO_AN_EXPIRED_ONE = 4
/** As long as most are; what it says does not matter here. */
const DEVICE =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36'

export type Learner = { id: string; number: number; email: string }
export type Line = readonly (string | null)[]
export type Copy = { table: string; columns: string; lines: () => Iterable<Line> }
/** Hears of the session of each learner that the load is to use. */
type NoteSession = (learner: Learner, id: string) => void

const startedAt = Date.now()

/** When the last of the expired sessions of this group was over, in milliseconds; the groups count from 1. */
export const endOfGroup = (group: number, groups: number): number => startedAt - DAY_MS - (groups - group) * GROUP_MS

/** In the address letters come first, so that addresses are in no order. */
export function learnerOf(number: number): Learner {
  const id = newId()
  return { id, number, email: `${id.replaceAll(/\d/g, '').toLowerCase()}-${number}@example.org` }
}

const timestamp = (at: number): string => new Date(at).toISOString()
const withinDays = (days: number): string => timestamp(startedAt - randomInt(days * DAY_MS))
const address = (): string => [10, randomInt(256), randomInt(256), randomInt(256)].join('.')
const token = (bytes: number): string => randomBytes(bytes).toString('base64url')
const array = (values: unknown): string => `{${[values].flat().join(',')}}`
const text = (value: unknown): string => String(value).replaceAll('\n', '\\n')

/** The biggest tables come first, so that two copies at once end together. */
export function copies(
  { passwordHash, groups }: { passwordHash: string; groups: number },
  learners: readonly Learner[],
  noteSession: NoteSession,
): Copy[] {
  /** Sessions with refresh tokens, and of each its family. */
  const families = Array.from({ length: (learners.length * SESSIONS_EACH) / SESSIONS_TO_A_FAMILY }, () => ({
    handle: newId(),
    family: token(16),
  }))
  return [
    {
      table: 'sessions',
      columns: 'sid, sess, handle, ip_address, user_agent, expire, created_at, seen_at',
      lines: () => sessionLines(learners, { groups, handles: families.map(({ handle }) => handle), noteSession }),
    },
    {
      table: 'activity',
      columns: 'user_id, kind, at, ip_address, user_agent',
      *lines() {
        for (const { id } of rounds(learners, ACTIVITIES_EACH)) {
          yield [id, 'logged-in', withinDays(28), address(), DEVICE]
        }
      },
    },
    {
      table: 'progress',
      columns: 'user_id, lesson_id, state, updated_at, began_at',
      *lines() {
        for (const [lesson, state] of Object.entries(MARKS)) {
          for (const { id } of learners) {
            const at = withinDays(300)
            yield [id, lesson, state, at, at]
          }
        }
      },
    },
    {
      table: 'all_users',
      columns: 'id, name, email, password_hash, created_at, updated_at, onboarded_at, devices_known_since',
      *lines() {
        for (const { id, number, email } of learners) {
          const at = withinDays(600)
          yield [id, `Learner ${number}`, email, passwordHash, at, at, at, at]
        }
      },
    },
    {
      table: 'profiles',
      columns: `user_id, began_at, saved_at, software_experience, programming_languages, skill_level, hardware_access,
        primary_focus, project_goals, project_goals_text`,
      *lines() {
        const answers = [
          text(PROFILE.softwareExperience),
          array(PROFILE.programmingLanguages),
          text(PROFILE.skillLevel),
          array(PROFILE.hardwareAccess),
          text(PROFILE.primaryFocus),
          array(PROFILE.projectGoals),
          text(PROFILE.projectGoalsText),
        ]
        for (const { id } of learners) {
          const at = withinDays(600)
          yield [id, at, at, ...answers]
        }
      },
    },
    {
      table: 'refresh_families',
      columns: 'id, session_handle, expires_at',
      *lines() {
        const end = timestamp(startedAt + 20 * DAY_MS)
        for (const { family, handle } of families) yield [family, handle, end]
      },
    },
    {
      table: 'refresh_tokens',
      columns: 'token_hash, family, expires_at',
      *lines() {
        const end = timestamp(startedAt + 10 * DAY_MS)
        for (const { family } of families) yield [token(32), family, end]
      },
    },
  ]
}

/** In rounds over all learners, so that the rows of one are as far apart as they are when they come in over weeks. */
function* rounds<Item>(items: readonly Item[], count: number): Generator<Item> {
  for (let round = 0; round < count; round += 1) yield* items
}

function* sessionLines(
  learners: readonly Learner[],
  { groups, handles, noteSession }: { groups: number; handles: readonly string[]; noteSession: NoteSession },
): Generator<Line> {
  let count = 0
  for (const learner of rounds(learners, SESSIONS_EACH)) {
    const id = token(24)
    if (count < learners.length) noteSession(learner, id)
    const seenAt = startedAt - randomInt(10 * DAY_MS)
    const handle = count % SESSIONS_TO_A_FAMILY === 0 ? handles[count / SESSIONS_TO_A_FAMILY] : undefined
    yield sessionLine(learner, { id, handle, seenAt, expire: seenAt + 14 * DAY_MS })
    // Those that are over stand among the others.
    if (count % SESSIONS_TO_AN_EXPIRED_ONE === 0) {
      const expire = endOfGroup(1 + randomInt(groups), groups) - 1 - randomInt(GROUP_MS - 1)
      yield sessionLine(learner, { id: token(24), handle: undefined, seenAt: expire - 14 * DAY_MS, expire })
    }
    count += 1
  }
}

function sessionLine(
  { id: userId }: Learner,
  { id, handle = newId(), seenAt, expire }: { id: string; handle: string | undefined; seenAt: number; expire: number },
): Line {
  const loggedInAt = seenAt - DAY_MS
  const sess = JSON.stringify({ userId, remembered: true, loggedInAt, confirmedAt: loggedInAt })
  return [hashedId(id), sess, handle, address(), DEVICE, ...[expire, loggedInAt, seenAt].map(timestamp)]
}

/** A copy of everything that is stored about somebody, for themselves (GDPR article 20). */
import { LearnerGone } from '../base/failures.ts'
import { fragment } from '../database/fragments.ts'
import type { Deps } from '../deps.ts'
import { dataExported } from '../mail/notices.ts'
import { mailed } from '../mail/outbox.ts'
import { type Device, noted, OPERATOR } from './activity.ts'
import { noticeTo } from './links/not-me.ts'
import type { User } from './users.ts'

type Copy = { profile: Record<string, unknown> | null } & Record<string, unknown>

/**
 * Everything stored for this account, except hashes, what names a session or a link, and why operators have suspended it.
 * The owner's list of events says that a copy was made, and so does a mail, unless it was an operator (`OPERATOR`), whom
 * they will have asked.
 * @throws {LearnerGone}
 */
export async function copyOfAccount(
  deps: Deps,
  user: Pick<User, 'id' | 'email'>,
  device: Device,
): Promise<Record<string, unknown>> {
  const { sql, mail, rateLimits } = deps
  const now = deps.now()
  const isByOperator = device === OPERATOR
  // The address may belong to a stranger, whose mailbox must not be filled.
  const mayNotify = !isByOperator && mail.enabled && (await rateLimits.count('noticesByAddress', user.email)).ok
  const letter = (link: string) => dataExported(user.email, link)
  const notice = mayNotify ? noticeTo(deps, { email: user.email, now, letter }) : undefined
  const [row] = await sql<{ copy: Copy }>`
    with learner as (
      select id, password_version from users where id = ${user.id} for key share
    ), notice as (
      ${notice ? notice.linkedTo('learner') : fragment`select`}
    ), noted as (
      ${noted(isByOperator ? 'exported-by-operator' : 'exported', 'learner', { device, now })}
    ), mailed as (
      ${mailed([notice?.row, fragment`from learner`])}
    )
    select json_build_object(
      'account', (
        select json_build_object('id', u.id, 'name', u.name, 'email', u.email, 'emailVerified', u.email_verified,
          'image', u.image, 'createdAt', u.created_at, 'updatedAt', u.updated_at, 'onboardedAt', u.onboarded_at,
          'loginNotices', u.login_notices, 'devicesKnownSince', u.devices_known_since,
          'suspendedAt', u.suspended_at)
      ),
      'secondStep', (
        select json_build_object('createdAt', s.created_at, 'since', s.confirmed_at)
        from second_steps s where s.user_id = u.id
      ),
      'passkeys', (
        select coalesce(json_agg(json_build_object('name', k.name, 'createdAt', k.created_at, 'usedAt', k.used_at,
          'onSeveralDevices', k.backup_eligible, 'hasCopy', k.backed_up, 'model', k.aaguid) order by k.created_at, k.id), '[]')
        from passkeys k where k.user_id = u.id
      ),
      'recoveryCodes', (
        select coalesce(json_agg(json_build_object('usedAt', c.used_at) order by c.used_at), '[]')
        from recovery_codes c where c.user_id = u.id
      ),
      'loginsHalfDone', (
        select coalesce(json_agg(json_build_object('firstStep', t.amr, 'leadsTo', t.next, 'remembered', t.remembered,
          'expiresAt', t.expires_at, 'usedAt', t.used_at) order by t.expires_at), '[]')
        from login_tickets t where t.user_id = u.id
      ),
      'mailedCodes', (
        select coalesce(json_agg(json_build_object('purpose', c.purpose, 'sentTo', c.email, 'createdAt', c.created_at,
          'expiresAt', c.expires_at, 'usedAt', c.used_at, 'wrongTries', c.tries, 'leadsTo', c.next) order by c.created_at), '[]')
        from mailed_codes c where c.user_id = u.id
      ),
      'profile', (
        select to_json(p) from profiles p where p.user_id = u.id
      ),
      'progress', (
        select coalesce(json_agg(json_build_object('lesson', g.lesson_id, 'state', g.state, 'before', g.before,
          'beganAt', g.began_at, 'updatedAt', g.updated_at, 'replaced', g.replaced) order by g.lesson_id), '[]')
        from progress g where g.user_id = u.id
      ),
      'plan', (
        select json_build_object('weeklyHours', l.weekly_hours, 'calendarSince', l.calendar_since)
        from plans l where l.user_id = u.id
      ),
      'sessions', (
        select coalesce(json_agg(json_build_object('signedInAt', s.created_at, 'lastSeenAt', s.seen_at,
          'endsAt', s.expire, 'signedInBy', s.amr, 'ipAddress', s.ip_address, 'device', s.user_agent) order by s.created_at, s.handle), '[]')
        from sessions s where s.user_id = u.id
      ),
      'activity', (
        select coalesce(json_agg(json_build_object('at', a.at, 'what', a.kind, 'ipAddress', a.ip_address,
          'device', a.user_agent) order by a.at, a.id), '[]')
        from activity a where a.user_id = u.id
      ),
      'mailedLinks', (
        select coalesce(json_agg(json_build_object('purpose', t.purpose, 'sentTo', t.email, 'createdAt', t.created_at,
          'expiresAt', t.expires_at, 'usedAt', t.used_at, 'cancelledAt', t.cancelled_at, 'outcome', o.outcome,
          'outcomeAt', o.at) order by t.created_at, t.id), '[]')
        from email_tokens t left join mail_outcomes o on o.id = t.mail_id where t.user_id = u.id
      )
    ) as copy
    from users u join learner on learner.id = u.id`
  if (row === undefined) throw new LearnerGone()
  if (notice) mail.wake()
  const { account, profile, ...rest } = row.copy
  return { account, answers: profile && answersIn(profile), ...rest }
}

/** Every column of the profile, so that a new question is in the copy too. */
function answersIn({ user_id: _, draft, ...columns }: Record<string, unknown>): Record<string, unknown> {
  const camelCase = (column: string) => column.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
  const answers = Object.entries(columns).map(([column, value]) => [camelCase(column), value])
  return { ...Object.fromEntries(answers), notSavedYet: draft }
}

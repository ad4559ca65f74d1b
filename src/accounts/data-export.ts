/** A copy of everything that is stored about somebody, for themselves (GDPR article 20). */
import { LearnerGone } from '../base/failures.ts'
import type { Sql } from '../database/database.ts'
import { lockedUser, noted, type Occasion } from './activity.ts'

type Copy = { profile: Record<string, unknown> | null } & Record<string, unknown>

/**
 * Everything stored for this account, except hashes and what names a session or a link. The owner's list of events says
 * that a copy was made.
 * @throws {LearnerGone}
 */
export async function copyOfAccount(sql: Sql, userId: string, occasion: Occasion): Promise<Record<string, unknown>> {
  const [row] = await sql<{ copy: Copy }>`
    with learner as (
      ${lockedUser(userId)}
    ), noted as (
      ${noted('exported', 'learner', occasion)}
    )
    select json_build_object(
      'account', (
        select json_build_object('id', u.id, 'name', u.name, 'email', u.email, 'emailVerified', u.email_verified,
          'image', u.image, 'createdAt', u.created_at, 'updatedAt', u.updated_at, 'onboardedAt', u.onboarded_at)
      ),
      'profile', (
        select to_json(p) from profiles p where p.user_id = u.id
      ),
      'progress', (
        select coalesce(json_agg(json_build_object('lesson', g.lesson_id, 'state', g.state, 'before', g.before,
          'updatedAt', g.updated_at) order by g.lesson_id), '[]')
        from progress g where g.user_id = u.id
      ),
      'sessions', (
        select coalesce(json_agg(json_build_object('signedInAt', s.created_at, 'lastSeenAt', s.seen_at,
          'endsAt', s.expire, 'ipAddress', s.ip_address, 'device', s.user_agent) order by s.created_at), '[]')
        from sessions s where s.user_id = u.id
      ),
      'activity', (
        select coalesce(json_agg(json_build_object('at', a.at, 'what', a.kind, 'ipAddress', a.ip_address,
          'device', a.user_agent) order by a.id), '[]')
        from activity a where a.user_id = u.id
      ),
      'mailedLinks', (
        select coalesce(json_agg(json_build_object('purpose', t.purpose, 'sentTo', t.email, 'createdAt', t.created_at,
          'expiresAt', t.expires_at, 'usedAt', t.used_at, 'cancelledAt', t.cancelled_at) order by t.created_at), '[]')
        from email_tokens t where t.user_id = u.id
      )
    ) as copy
    from users u join learner on learner.id = u.id`
  if (row === undefined) throw new LearnerGone()
  const { account, profile, ...rest } = row.copy
  return { account, answers: profile && answersIn(profile), ...rest }
}

/** Every column of the profile, so that a new question is in the copy too. */
function answersIn({ user_id: _, draft, ...columns }: Record<string, unknown>): Record<string, unknown> {
  const camelCase = (column: string) => column.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
  const answers = Object.entries(columns).map(([column, value]) => [camelCase(column), value])
  return { ...Object.fromEntries(answers), notSavedYet: draft }
}

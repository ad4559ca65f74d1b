/** A copy of all that is held about somebody, for themselves (GDPR article 20). */
import type { Sql } from '../db.ts'
import { LearnerGone } from '../learner-gone.ts'
import type { Device } from './activity.ts'

/**
 * Everything kept under this account, as it is, but for hashes and what names a session or a link. That a copy was made
 * is noted for its owner.
 * @throws {LearnerGone}
 */
export async function copyOfAccount(
  sql: Sql,
  { userId, device, now }: { userId: string; device: Device; now: number },
): Promise<Record<string, unknown>> {
  const at = new Date(now)
  const [row] = await sql<{ copy: Record<string, unknown> }>`
    with owner as (
      select id from users where id = ${userId} for key share
    ), noted as (
      insert into activity (user_id, kind, at, ip_address, user_agent)
      select id, 'exported', ${at}::timestamptz, ${device.ipAddress}, ${device.userAgent} from owner
    )
    select json_build_object(
      'account', (
        select json_build_object('id', u.id, 'name', u.name, 'email', u.email, 'emailVerified', u.email_verified,
          'image', u.image, 'createdAt', u.created_at, 'updatedAt', u.updated_at, 'onboardedAt', u.onboarded_at)
      ),
      'answers', (
        select json_build_object('softwareExperience', p.software_experience,
          'programmingLanguages', p.programming_languages, 'skillLevel', p.skill_level,
          'hardwareAccess', p.hardware_access, 'primaryFocus', p.primary_focus, 'projectGoals', p.project_goals,
          'projectGoalsText', p.project_goals_text, 'notSavedYet', p.draft, 'beganAt', p.began_at, 'savedAt', p.saved_at)
        from profiles p where p.user_id = u.id
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
    from users u join owner on owner.id = u.id`
  if (row === undefined) throw new LearnerGone()
  return row.copy
}

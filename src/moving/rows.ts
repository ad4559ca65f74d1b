/** The rows of people who move in and out. */
import type { Sql } from '../database/database.ts'
import { fragment, list } from '../database/fragments.ts'
import { ANSWER_COLUMNS, COLUMN_LIST } from '../learning/profiles.ts'
import type { Arrival } from './arrivals.ts'

const TYPED_COLUMNS = list(
  ANSWER_COLUMNS.map(({ column, kind }) => (kind === 'many' ? fragment`${column} text[]` : fragment`${column} text`)),
)

/** Somebody as a row takes them: `passwordHash` is what is stored. */
export type NewRow = Pick<Arrival, 'id' | 'email'> & Record<string, unknown>

/** The columns of an answer are named like it, in snake_case. */
const inColumns = (answers: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(answers).map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  )

/** An arrival as JSON for `addPeople`. */
export function rowOf({ profile, given: _, isNamed: __, passwordHash, ...person }: Arrival, now: number): NewRow {
  const at = new Date(now).toISOString()
  const createdAt = person.createdAt ?? at
  return {
    ...person,
    passwordHash: passwordHash ?? null,
    secondStep: person.secondStep && {
      ...person.secondStep,
      createdAt: person.secondStep.createdAt ?? at,
      confirmedAt: person.secondStep.confirmedAt ?? at,
    },
    createdAt,
    updatedAt: person.updatedAt ?? createdAt,
    profile: profile
      ? {
          ...inColumns(profile.answers),
          draft: profile.draft ?? null,
          began_at: profile.beganAt ?? at,
          saved_at: profile.savedAt,
        }
      : null,
    progress: (person.progress ?? []).map((mark) => ({ ...mark, updatedAt: mark.updatedAt ?? at })),
  }
}

/** Adds people with all that is theirs, and returns the ids of those who are new. Nobody who is there is changed. */
export async function addPeople(sql: Sql, rows: readonly NewRow[]): Promise<Set<string>> {
  const created = await sql<{ id: string }>`
    with given as (
      select * from json_to_recordset(${JSON.stringify(rows)}::text::json) as r(
        id text, name text, email text, "emailVerified" boolean, image text, "passwordHash" text,
        "createdAt" timestamptz, "updatedAt" timestamptz, "onboardedAt" timestamptz, "loginNotices" boolean,
        "devicesKnownSince" timestamptz, "passwordVersion" integer, "devicesVersion" integer,
        "suspendedAt" timestamptz, "secondStep" json, profile json, progress json, plan json
      )
    ), created as (
      insert into users (id, name, email, email_verified, image, password_hash, created_at, updated_at, onboarded_at,
        login_notices, devices_known_since, password_version, devices_version, suspended_at, second_step)
      select id, name, email, "emailVerified", image, "passwordHash", "createdAt", "updatedAt", "onboardedAt",
        "loginNotices", "devicesKnownSince", "passwordVersion", "devicesVersion", "suspendedAt",
        coalesce(json_typeof("secondStep"), 'null') <> 'null'
      from given
      -- Backends delete what they keep of these ids.
      where (select d.id from deleted_users d where d.id = given.id) is null
      on conflict do nothing
      returning id
    ), answered as (
      insert into profiles (user_id, ${COLUMN_LIST}, draft, began_at, saved_at)
      select created.id, ${COLUMN_LIST}, draft, began_at, saved_at
      from created join given on given.id = created.id,
        json_to_record(given.profile) as p(${TYPED_COLUMNS}, draft jsonb, began_at timestamptz, saved_at timestamptz)
      where given.profile is not null
    ), stepped as (
      insert into second_steps (user_id, sealed, created_at, confirmed_at, last_step, devices_version)
      select created.id, s.sealed, s."createdAt", s."confirmedAt", s."lastStep", s."devicesVersion"
      from created join given on given.id = created.id,
        json_to_record(given."secondStep") as s(sealed text, "createdAt" timestamptz, "confirmedAt" timestamptz,
          "lastStep" bigint, "devicesVersion" integer)
      where json_typeof(given."secondStep") = 'object'
    ), recoverable as (
      insert into recovery_codes (user_id, code_hash, used_at)
      select created.id, c.hash, c."usedAt"
      from created join given on given.id = created.id,
        json_to_recordset(given."secondStep" -> 'recoveryCodes') as c(hash text, "usedAt" timestamptz)
      where json_typeof(given."secondStep") = 'object'
      on conflict do nothing
    ), marked as (
      insert into progress (user_id, lesson_id, state, before, began_at, updated_at, replaced)
      select created.id, m.lesson, m.state, m.before, m."beganAt", m."updatedAt", m.replaced
      from created join given on given.id = created.id,
        json_to_recordset(given.progress) as m(
          lesson text, state text, before text, "beganAt" timestamptz, "updatedAt" timestamptz, replaced jsonb
        )
      on conflict do nothing
    ), planned as (
      insert into plans (user_id, weekly_hours, calendar_hash, calendar_since)
      select created.id, l."weeklyHours", l."calendarHash", l."calendarSince"
      from created join given on given.id = created.id,
        json_to_record(given.plan) as l("weeklyHours" integer, "calendarHash" text, "calendarSince" timestamptz)
      where given.plan is not null
      on conflict do nothing
    )
    select id from created`
  return new Set(created.map(({ id }) => id))
}

/** What keeps somebody out: whose the address is, and what became of the id. */
export type Standing = { owner: string | null; isLeaving: boolean; idTaken: boolean; idDeleted: boolean }

/** How people stand to those who are here, by their ids. */
export async function standingsOf(
  sql: Sql,
  rows: readonly Pick<NewRow, 'id' | 'email'>[],
): Promise<Map<string, Standing>> {
  const asked = rows.map(({ id, email }) => ({ id, email }))
  const found = await sql<Standing & { id: string }>`
    select g.id,
      (select u.id from all_users u where u.email = g.email) as owner,
      (select u.delete_at is not null from all_users u where u.email = g.email) is true as is_leaving,
      (select u.id from all_users u where u.id = g.id) is not null as id_taken,
      (select d.id from deleted_users d where d.id = g.id) is not null as id_deleted
    from json_to_recordset(${JSON.stringify(asked)}::text::json) as g(id text, email text)`
  return new Map(found.map(({ id, ...standing }) => [id, standing]))
}

/** Somebody with all that is theirs, as `addPeople` takes it. `passwordHash` is what is stored. */
export type Leaving = { id: string; passwordHash: string | null } & Record<string, unknown>

/** People in the order of their ids, from the one after this id on. Not those whose deletion waits for its end. */
export async function listPeople(sql: Sql, after: string, limit: number): Promise<Leaving[]> {
  const rows = await sql<{ person: Leaving; answers: Record<string, unknown> | null }>`
    select json_build_object('id', u.id, 'name', u.name, 'email', u.email, 'emailVerified', u.email_verified,
        'image', u.image, 'passwordHash', u.password_hash, 'createdAt', u.created_at, 'updatedAt', u.updated_at,
        'onboardedAt', u.onboarded_at, 'loginNotices', u.login_notices, 'devicesKnownSince', u.devices_known_since,
        'passwordVersion', u.password_version, 'devicesVersion', u.devices_version, 'suspendedAt', u.suspended_at,
        'secondStep', (
          select json_build_object('sealed', s.sealed, 'createdAt', s.created_at, 'confirmedAt', s.confirmed_at,
            'lastStep', s.last_step, 'devicesVersion', s.devices_version, 'recoveryCodes', (
              select coalesce(json_agg(json_build_object('hash', c.code_hash, 'usedAt', c.used_at) order by c.code_hash), '[]')
              from recovery_codes c where c.user_id = u.id
            ))
          from second_steps s where s.user_id = u.id and u.second_step
        ),
        'progress', (
          select coalesce(json_agg(json_build_object('lesson', g.lesson_id, 'state', g.state, 'before', g.before,
            'beganAt', g.began_at, 'updatedAt', g.updated_at, 'replaced', g.replaced) order by g.lesson_id), '[]')
          from progress g where g.user_id = u.id
        ),
        'plan', (
          select json_build_object('weeklyHours', l.weekly_hours, 'calendarHash', l.calendar_hash,
            'calendarSince', l.calendar_since)
          from plans l where l.user_id = u.id
        )) as person,
      (select to_json(p) from profiles p where p.user_id = u.id) as answers
    from users u where u.id > ${after} order by u.id limit ${limit}`
  return rows.map(({ person, answers }) => ({ ...person, profile: answers && profileIn(answers) }))
}

function profileIn(columns: Record<string, unknown>): Record<string, unknown> {
  const answers = ANSWER_COLUMNS.map(({ name, column }) => [name, columns[column.text]])
  return {
    answers: Object.fromEntries(answers),
    draft: columns.draft,
    beganAt: columns.began_at,
    savedAt: columns.saved_at,
  }
}

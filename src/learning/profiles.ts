/** The rows of profiles: what learners have answered, and what they have not saved yet. */
import { LearnerGone } from '../base/failures.ts'
import type { Sql } from '../database/database.ts'
import { fragment, identifier, list } from '../database/fragments.ts'
import { type Answers, NO_ANSWERS } from './answers.ts'
import { fieldsOf, QUESTIONS, type Question } from './questions.ts'

export type Draft = Partial<Answers>

export type Profile = {
  answers: Answers
  /** Answers that are not saved yet, by question. Skipped questions are in it too. */
  draft: Draft
  /** The draft as it stands in the row, to notice when another request changes it; null when there is none. */
  keptDraft: string | null
  /** When the learner first reached the end of the questions; undefined before. */
  savedAt: Date | undefined
}

export type ProfileRow = Record<keyof Answers, unknown> & {
  draft: Record<string, unknown> | null
  keptDraft: string | null
  savedAt: Date | null
}

/** One column for each answer. */
export const ANSWER_COLUMNS = QUESTIONS.flatMap(fieldsOf).map(({ name, kind }) => ({
  name,
  kind,
  column: identifier(name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)),
}))

export const COLUMN_LIST = list(ANSWER_COLUMNS.map(({ column }) => fragment`${column}`))
const TAKE_OVER = list(ANSWER_COLUMNS.map(({ column }) => fragment`${column} = excluded.${column}`))

/** What makes a profile, for statements that call no other table's columns by these names. */
export const PROFILE_COLUMNS = fragment`${COLUMN_LIST}, draft, draft::text as kept_draft, saved_at`

export const BLANK_PROFILE: Profile = { answers: NO_ANSWERS, draft: {}, keptDraft: null, savedAt: undefined }

export async function findProfile(sql: Sql, userId: string): Promise<Profile> {
  const [row] = await sql<ProfileRow>`select ${PROFILE_COLUMNS} from profiles where user_id = ${userId}`
  return row === undefined ? BLANK_PROFILE : profileIn(row)
}

/** The profile that a row holds. */
export function profileIn(row: ProfileRow): Profile {
  return {
    answers: { ...NO_ANSWERS, ...knownOf(row) },
    draft: knownOf(row.draft ?? {}),
    keptDraft: row.keptDraft,
    savedAt: row.savedAt ?? undefined,
  }
}

export type SavedProfile = { userId: string; savedAt: Date; answers: Answers }

/**
 * The saved answers of the learners whose ids come after this one, in the order of their ids. Drafts are not among them,
 * nor accounts that are deleted.
 */
export async function listSavedProfiles(sql: Sql, after: string, limit: number): Promise<SavedProfile[]> {
  const rows = await sql<Record<keyof Answers, unknown> & { userId: string; savedAt: Date }>`
    select p.user_id, p.saved_at, ${COLUMN_LIST}
    from profiles p join users u on u.id = p.user_id
    where p.user_id > ${after} and p.saved_at is not null
    order by p.user_id limit ${limit}`
  return rows.map(({ userId, savedAt, ...answers }) => {
    return { userId, savedAt, answers: { ...NO_ANSWERS, ...knownOf(answers) } }
  })
}

/** Stored answers, without options that the questions of today no longer have. */
export function knownOf(kept: Readonly<Record<string, unknown>>): Draft {
  const known: [string, unknown][] = QUESTIONS.filter(({ name }) => name in kept).map(({ name, kind, options }) => {
    const values = [kept[name]].flat()
    const listed = options.map(({ value }) => value).filter((value) => values.includes(value))
    return [name, kind === 'many' ? listed : (listed[0] ?? null)]
  })
  for (const { text } of QUESTIONS) {
    const typed = text && kept[text.name]
    if (text && typed !== undefined) known.push([text.name, typeof typed === 'string' ? typed : null])
  }
  return Object.fromEntries(known) as Draft
}

/** The answers with the draft on top: what would be saved now. */
export const drafted = ({ answers, draft }: Profile): Answers => ({ ...answers, ...draft })

/** Whether a question has been answered or skipped. */
export const isPassed = ({ draft, savedAt }: Profile, { name }: Question): boolean =>
  savedAt !== undefined || name in draft

/** The first question that is neither answered nor skipped. */
export const nextQuestion = (profile: Profile): Question | undefined =>
  QUESTIONS.find((question) => !isPassed(profile, question))

// The three functions below lock the learner's row against deletion first, as `lockedUser` in accounts explains.

/**
 * Adds the answer of one question to the draft and leaves the others as they are.
 * @throws {LearnerGone}
 */
export async function saveDraft(sql: Sql, userId: string, part: Draft, now: number): Promise<void> {
  const kept = await sql`
    insert into profiles (user_id, draft, began_at)
    select id, ${JSON.stringify(part)}::text::jsonb, ${new Date(now)}::timestamptz
    from users where id = ${userId}
    for key share
    on conflict (user_id) do update set draft = coalesce(profiles.draft, '{}') || excluded.draft
    returning 1 as kept`
  if (kept.length === 0) throw new LearnerGone()
}

/**
 * Saves the draft as the answers. Returns false when the draft has changed since it was read: the learner must see it first.
 * @throws {LearnerGone}
 */
export async function saveAnswersOfDraft(sql: Sql, userId: string, profile: Profile, now: number): Promise<boolean> {
  const answers = drafted(profile)
  const at = new Date(now)
  const [learner] = await sql<{ isSaved: boolean }>`
    with learner as (
      select id from users where id = ${userId} for key share
    ), saved as (
      update profiles set
        ${list(ANSWER_COLUMNS.map(({ name, column }) => fragment`${column} = ${answers[name]}`))},
        draft = null,
        saved_at = ${at}
      from learner
      where user_id = learner.id and draft::text is not distinct from ${profile.keptDraft}::text
      returning user_id
    ), onboarded as (
      update users set onboarded_at = coalesce(onboarded_at, ${at}) where id in (select user_id from saved)
    )
    select exists (select from saved) as is_saved from learner`
  if (learner === undefined) throw new LearnerGone()
  return learner.isSaved
}

/**
 * Replaces all answers, for the profile page and the API, and deletes the draft.
 * @throws {LearnerGone}
 */
export async function saveAnswers(sql: Sql, userId: string, answers: Answers, now: number): Promise<void> {
  const at = new Date(now)
  const values = ANSWER_COLUMNS.map(({ name, kind }) =>
    kind === 'many' ? fragment`${answers[name]}::text[]` : fragment`${answers[name]}::text`,
  )
  const saved = await sql`
    with saved as (
      insert into profiles (user_id, ${COLUMN_LIST}, began_at, saved_at)
      select id, ${list(values)}, ${at}::timestamptz, ${at}::timestamptz
      from users where id = ${userId}
      for key share
      on conflict (user_id) do update set
        ${TAKE_OVER},
        draft = null,
        saved_at = excluded.saved_at
      returning user_id
    )
    update users set onboarded_at = coalesce(onboarded_at, ${at})
    where id in (select user_id from saved)
    returning 1 as saved`
  if (saved.length === 0) throw new LearnerGone()
}

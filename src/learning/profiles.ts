/** What learners have answered, and what they are about to answer. */
import type { Sql } from '../db.ts'
import { LearnerGone } from '../learner-gone.ts'
import { type Answers, NO_ANSWERS } from './answers.ts'
import { QUESTIONS, type Question } from './questions.ts'

export type Draft = Partial<Answers>

export type Profile = {
  answers: Answers
  /** Empty when nothing waits to be saved. A question that was skipped is in it too. */
  draft: Draft
  /** The draft as it is kept, by which a change of it is noticed; null when there is none. */
  keptDraft: string | null
  /** When the learner came to the end of the questions; undefined before. */
  savedAt: Date | undefined
}

type Row = Record<keyof Answers, unknown> & {
  draft: Record<string, unknown> | null
  keptDraft: string | null
  savedAt: Date | null
}

const BLANK: Profile = { answers: NO_ANSWERS, draft: {}, keptDraft: null, savedAt: undefined }

export async function findProfile(sql: Sql, userId: string): Promise<Profile> {
  const [row] = await sql<Row>`
    select software_experience, programming_languages, skill_level, hardware_access, primary_focus, project_goals,
      project_goals_text, draft, draft::text as kept_draft, saved_at
    from profiles where user_id = ${userId}`
  if (row === undefined) return BLANK
  const { draft, keptDraft, savedAt, ...answers } = row
  return {
    answers: { ...NO_ANSWERS, ...knownOf(answers) },
    draft: knownOf(draft ?? {}),
    keptDraft,
    savedAt: savedAt ?? undefined,
  }
}

/** Kept answers to the questions of today: an option that has left the questionnaire is left out, the others stay. */
function knownOf(kept: Readonly<Record<string, unknown>>): Draft {
  const known: [string, unknown][] = QUESTIONS.filter(({ name }) => name in kept).map(({ name, kind, options }) => {
    const values = [kept[name]].flat()
    const listed = options.map(({ value }) => value).filter((value) => values.includes(value))
    return [name, kind === 'many' ? listed : (listed[0] ?? null)]
  })
  const { projectGoalsText: text } = kept
  if (text !== undefined) known.push(['projectGoalsText', typeof text === 'string' ? text : null])
  return Object.fromEntries(known) as Draft
}

/** Answers as they would be saved now. */
export const drafted = ({ answers, draft }: Profile): Answers => ({ ...answers, ...draft })

/** Whether a question has been answered or skipped. */
export const isPassed = ({ draft, savedAt }: Profile, { name }: Question): boolean =>
  savedAt !== undefined || name in draft

/** The first question that is neither answered nor skipped. */
export const nextQuestion = (profile: Profile): Question | undefined =>
  QUESTIONS.find((question) => !isPassed(profile, question))

// Each of the three below holds the learner's row first: a deletion of the account comes before it or after it.

/**
 * Keeps the answer of one question until all are saved. Other questions of the draft stay as they are.
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
 * Makes the draft the answers. Returns false when it has changed since it was read: then the learner looks again.
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
        software_experience = ${answers.softwareExperience},
        programming_languages = ${answers.programmingLanguages},
        skill_level = ${answers.skillLevel},
        hardware_access = ${answers.hardwareAccess},
        primary_focus = ${answers.primaryFocus},
        project_goals = ${answers.projectGoals},
        project_goals_text = ${answers.projectGoalsText},
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
 * Replaces all answers, from the profile page or the API. What was waiting to be saved is dropped.
 * @throws {LearnerGone}
 */
export async function saveAnswers(sql: Sql, userId: string, answers: Answers, now: number): Promise<void> {
  const at = new Date(now)
  const saved = await sql`
    with saved as (
      insert into profiles (user_id, software_experience, programming_languages, skill_level, hardware_access,
        primary_focus, project_goals, project_goals_text, began_at, saved_at)
      select id, ${answers.softwareExperience}::text, ${answers.programmingLanguages}::text[],
        ${answers.skillLevel}::text, ${answers.hardwareAccess}::text[], ${answers.primaryFocus}::text,
        ${answers.projectGoals}::text[], ${answers.projectGoalsText}::text, ${at}::timestamptz, ${at}::timestamptz
      from users where id = ${userId}
      for key share
      on conflict (user_id) do update set
        software_experience = excluded.software_experience,
        programming_languages = excluded.programming_languages,
        skill_level = excluded.skill_level,
        hardware_access = excluded.hardware_access,
        primary_focus = excluded.primary_focus,
        project_goals = excluded.project_goals,
        project_goals_text = excluded.project_goals_text,
        draft = null,
        saved_at = excluded.saved_at
      returning user_id
    )
    update users set onboarded_at = coalesce(onboarded_at, ${at})
    where id in (select user_id from saved)
    returning 1 as saved`
  if (saved.length === 0) throw new LearnerGone()
}

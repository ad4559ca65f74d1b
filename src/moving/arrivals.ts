/** Somebody who is to be moved in, held to our rules: what a source says in whatever form becomes what a row takes. */
import { z } from 'zod'
import { DisplayName, Email, Image } from '../accounts/fields.ts'
import { newId } from '../base/ids.ts'
import { NO_ANSWERS } from '../learning/answers.ts'
import { WEEKLY_HOURS } from '../learning/plan.ts'
import { knownOf } from '../learning/profiles.ts'
import { PROGRESS_STATES } from '../learning/progress.ts'

/** Ids go on as they are, whatever made them, since other tables have them as keys: visible ASCII. */
const ID_MAX_LENGTH = 100
const Id = z.string().regex(new RegExp(`^[!-~]{1,${ID_MAX_LENGTH}}$`), {
  error: `Its id must have 1 to ${ID_MAX_LENGTH} visible ASCII characters`,
})
/** In a URL no address of a lesson is longer. */
const LESSON_MAX_LENGTH = 100

/** A moment in ISO 8601, as databases print it, or in milliseconds. Without a zone it is in UTC. What is none is left out. */
const Moment = z.unknown().transform(momentOf).pipe(z.string().nullable()).prefault(null)

/** PostgreSQL writes years before the first and after 9999 in another way, and one of them would refuse the whole batch. */
function momentOf(value: unknown): string | null {
  const time = typeof value === 'string' ? timeOf(value) : value
  const at = new Date(typeof time === 'number' ? time : Number.NaN)
  const year = at.getUTCFullYear()
  return year >= 1 && year <= 9999 ? at.toISOString() : null
}

function timeOf(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  const iso = text.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00')
  if (!/^\d{4}-\d\d-\d\d/.test(iso)) return Number.NaN
  return Date.parse(/T.*(Z|[+-]\d\d:?\d\d)$/i.test(iso) || !iso.includes('T') ? iso : `${iso}Z`)
}

const Count = z.int().min(0).max(1_000_000).catch(0)
const Known = z.record(z.string(), z.unknown())

const Profile = z.object({
  answers: Known.transform((kept) => ({ ...NO_ANSWERS, ...knownOf(kept) })),
  draft: Known.transform(knownOf).nullish(),
  beganAt: Moment,
  savedAt: Moment,
})

/** What marking several lessons as known has replaced, as `progress.ts` keeps it; empty where nothing stood before. */
const Replaced = z
  .strictObject({
    before: z.enum(PROGRESS_STATES).nullable(),
    updatedAt: z.string().refine((text) => momentOf(text) !== null),
  })
  .partial()

const Mark = z.object({
  lesson: z.string().min(1).max(LESSON_MAX_LENGTH),
  state: z.enum(PROGRESS_STATES),
  before: z.enum(PROGRESS_STATES).nullish(),
  beganAt: Moment,
  updatedAt: Moment,
  replaced: Replaced.nullish(),
})

const Plan = z.object({
  weeklyHours: z.literal(WEEKLY_HOURS).nullish(),
  calendarHash: z
    .string()
    .regex(/^[\w+/=-]{20,100}$/)
    .nullish(),
  calendarSince: Moment,
})

/** A second step that was on there, as it is stored. */
const SecondStep = z.object({
  sealed: z.string().max(1_000),
  createdAt: Moment,
  confirmedAt: Moment,
  lastStep: z.int().min(0),
  devicesVersion: Count,
  recoveryCodes: z.array(z.object({ hash: z.string().min(1).max(200), usedAt: Moment })).max(100),
})

const Person = z.object({
  id: Id.nullish(),
  email: Email,
  name: z.unknown().optional(),
  emailVerified: z.boolean().catch(false),
  image: Image.nullable().catch(null),
  passwordHash: z.string().nullish(),
  createdAt: Moment,
  updatedAt: Moment,
  onboardedAt: Moment,
  loginNotices: z.boolean().catch(true),
  devicesKnownSince: Moment,
  passwordVersion: Count,
  devicesVersion: Count,
  suspendedAt: Moment,
  secondStep: SecondStep.nullish(),
  profile: Profile.nullish(),
  progress: z.array(Mark).max(1_000).nullish(),
  plan: Plan.nullish(),
})

/** `given` says whether the id came along. `isNamed` is false where the address had to stand in for the name. */
export type Arrival = Omit<z.infer<typeof Person>, 'id' | 'name'> & {
  id: string
  given: boolean
  name: string
  isNamed: boolean
}

/** Somebody by our rules, or why not. A name that cannot be shown becomes the part of the address before the `@`. */
export function arrival(person: Record<string, unknown>): { ok: true; arrival: Arrival } | { ok: false; why: string } {
  const parsed = Person.safeParse(person)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const place = issue?.path.join('.') ?? ''
    return {
      ok: false,
      why: place === 'email' || place === 'id' ? (issue?.message ?? '') : `${place} is not understood`,
    }
  }
  const { id, name, ...rest } = parsed.data
  const named = DisplayName.safeParse(name)
  return {
    ok: true,
    arrival: {
      ...rest,
      id: id ?? newId(),
      given: typeof id === 'string',
      name: named.success ? named.data : (rest.email.split('@')[0] ?? ''),
      isNamed: named.success,
    },
  }
}

/**
 * The same for most providers of mail: without what stands behind a `+`, and at Gmail without dots. Two people with one
 * such address may be one person, so the operator is told. They are two accounts all the same.
 */
export function mailboxOf(email: string): string {
  const [local = '', host = ''] = email.split('@')
  const [name = ''] = local.split('+')
  return /^(gmail|googlemail)\.com$/.test(host) ? `${name.replaceAll('.', '')}@gmail.com` : `${name}@${host}`
}

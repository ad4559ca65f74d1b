/** What was answered, and so must be true afterwards whatever is lost. */
import type { Person } from '../../support/people.ts'

export const KINDS = ['sign-up', 'progress', 'refresh', 'logout', 'reset'] as const
export type Kind = (typeof KINDS)[number]

export type Life = {
  person: Person
  /** The server of this person, one of two. */
  site: { url: string }
  /** The `X-Forwarded-For` that this person comes with, so that nobody is taken for somebody else. */
  address: string
  signedUp: boolean
  /** Lessons whose mark was answered. */
  done: Set<string>
  /** The cookie of the session that a logout was answered for. */
  endedSession?: string
  /** The newest refresh token that was answered, and whether its family was ended by a logout. */
  refreshToken?: string
  /** The password that an answered reset has set; and whether one was sent without an answer, so that either is good. */
  newPassword?: string
  resetUnanswered?: boolean
}

export function createLedger() {
  const lives: Life[] = []
  const answeredAt: number[] = []
  const answered = Object.fromEntries(KINDS.map((kind) => [kind, 0])) as Record<Kind, number>
  const unanswered = { ...answered }
  return {
    lives,
    answered,
    unanswered,
    note(kind: Kind, isAnswered: boolean) {
      if (isAnswered) answeredAt.push(Date.now())
      ;(isAnswered ? answered : unanswered)[kind] += 1
    },
    /** The longest time without an answered write, in seconds, and when the first came after this moment. */
    gapAfter(moment: number) {
      const first = answeredAt.find((at) => at > moment + SENT_BEFORE_MS)
      const before = answeredAt.findLast((at) => at <= moment + SENT_BEFORE_MS) ?? moment
      return {
        firstAfterSeconds: first === undefined ? undefined : (first - moment) / 1_000,
        gapSeconds: first === undefined ? undefined : (first - before) / 1_000,
      }
    },
  }
}

/** Answers that were on their way when the primary was killed. */
const SENT_BEFORE_MS = 500

export type Ledger = ReturnType<typeof createLedger>

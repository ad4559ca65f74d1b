/** What keeps a learner out, for whoever helps them: all that can be seen from the database. */
import type { Deps } from '../../deps.ts'
import { listMailStatuses, type MailStatus } from '../mail-status.ts'
import { limitsUsedUp, type UsedUpLimit } from './account-limits.ts'
import { findDeletion, findSupportAccount, type SupportAccount } from './support-accounts.ts'
import { findSimilarAddresses } from './user-search.ts'

const DAY = 24 * 60 * 60_000
/** What became of a mail is known for a week. */
const MAILS_KNOWN_MS = 7 * DAY

export type Obstacle =
  | { what: 'no-account' }
  | { what: 'deleted-for-good'; at: Date }
  | { what: 'deleted'; until: Date }
  | { what: 'suspended'; since: Date; reason: string | null }
  | { what: 'no-password' | 'unusable-password' | 'not-confirmed' | 'no-mail' }
  | { what: 'second-step'; codesLeft: number }
  | { what: 'limit'; limit: UsedUpLimit; until: Date }
  | { what: 'mail'; purpose: string; mail: MailStatus }
  | { what: 'similar-address'; id: string; email: string }

/** `account` is undefined where nobody has this address or id. */
export type Obstacles = { account: SupportAccount | undefined; obstacles: Obstacle[] }

/** What keeps whoever has this id or address, in lower case, from logging in. What matters most comes first. */
export async function findObstacles(deps: Deps, idOrAddress: string): Promise<Obstacles> {
  const account = await findSupportAccount(deps, idOrAddress)
  const email = account?.email ?? idOrAddress
  const isAddress = email.includes('@')
  const [limits, similar, mails, deletedAt] = await Promise.all([
    isAddress ? limitsUsedUp(deps, { email, account }) : [],
    isAddress ? findSimilarAddresses(deps.sql, email) : [],
    account ? mailsOnTheirWay(deps, account.id) : [],
    account ? undefined : findDeletion(deps.sql, idOrAddress),
  ])
  const obstacles: Obstacle[] = [
    ...(account ? ofAccount(account) : missing(deletedAt)),
    ...limits.map((limit) => ({ what: 'limit' as const, limit, until: limit.until })),
    ...mails,
    ...(deps.mail.enabled ? [] : [{ what: 'no-mail' as const }]),
    ...similar.map((found) => ({ what: 'similar-address' as const, ...found })),
  ]
  return { account, obstacles }
}

const missing = (deletedAt: Date | undefined): Obstacle[] => [
  deletedAt ? { what: 'deleted-for-good', at: deletedAt } : { what: 'no-account' },
]

function ofAccount(account: SupportAccount): Obstacle[] {
  const { deleteAt, suspendedAt, suspendedReason, password, emailVerified, secondStep, recoveryCodesLeft } = account
  return [
    ...(suspendedAt ? [{ what: 'suspended' as const, since: suspendedAt, reason: suspendedReason }] : []),
    ...(deleteAt ? [{ what: 'deleted' as const, until: deleteAt }] : []),
    ...(password === 'none' ? [{ what: 'no-password' as const }] : []),
    ...(password === 'unusable' ? [{ what: 'unusable-password' as const }] : []),
    ...(secondStep ? [{ what: 'second-step' as const, codesLeft: recoveryCodesLeft }] : []),
    ...(emailVerified ? [] : [{ what: 'not-confirmed' as const }]),
  ]
}

/** Mails with a link that was not used, and that have not been handed over. */
async function mailsOnTheirWay({ sql, now }: Deps, userId: string): Promise<Obstacle[]> {
  const statuses = await listMailStatuses(sql, userId)
  return statuses.flatMap(({ purpose, isOpen, ...mail }): Obstacle[] => {
    const isOld = now() - mail.askedAt.getTime() > MAILS_KNOWN_MS
    const isDone = mail.state === 'ended' && mail.outcome === 'handed-over'
    return isOpen && !isOld && !isDone ? [{ what: 'mail', purpose, mail }] : []
  })
}

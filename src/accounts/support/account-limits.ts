/** The limits that are counted for one address, and for its account. Those of networks and known devices are not for one person. */
import type { Deps } from '../../deps.ts'
import { forgetCounts, listUsedUp, type UsedUp } from '../../limits/used-up.ts'
import { CODE_PURPOSES } from '../mailed-codes/mailed-codes.ts'
import { loginCodesOf } from '../second-step/codes.ts'

/** What cannot be done while the limit is used up. */
const ADDRESS_LIMITS = [
  { policy: 'loginByAddress', stops: 'login' },
  { policy: 'failuresByAddress', stops: 'login-on-new-devices' },
  { policy: 'signUpByAddress', stops: 'sign-up' },
  { policy: 'accountsByAddress', stops: 'sign-up' },
  { policy: 'noticesByAddress', stops: 'notices' },
  { policy: 'loginNoticesByAddress', stops: 'notices' },
] as const
/** Counted for each kind of link apart. */
const MAILED_LINKS = ['reset-password', 'verify-email', 'new-device', 'change-email'] as const
/** Counted for each use of a code apart, and for the mails with one. */
const MAILED_CODES = CODE_PURPOSES.map((purpose) => ({ purpose, stops: `${purpose}-code` as const }))
const ACCOUNT_LIMITS = [
  { policy: 'confirmByUser', stops: 'password-confirmation' },
  { policy: 'emailChangesByUser', stops: 'email-change' },
  { policy: 'exportsByUser', stops: 'export' },
  { policy: 'confirmStepByUser', stops: 'code-confirmation' },
] as const
const SECOND_STEP_LIMITS = [
  { policy: 'secondStepByUser', stops: 'second-step' },
  { policy: 'secondStepByUserDaily', stops: 'second-step' },
] as const

type Counter =
  | { policy: (typeof ADDRESS_LIMITS)[number]['policy']; stops: (typeof ADDRESS_LIMITS)[number]['stops'] }
  | { policy: (typeof ACCOUNT_LIMITS)[number]['policy']; stops: (typeof ACCOUNT_LIMITS)[number]['stops'] }
  | { policy: (typeof SECOND_STEP_LIMITS)[number]['policy']; stops: 'second-step' }
  | { policy: 'mailsByAddress'; stops: (typeof MAILED_LINKS)[number] }
  | { policy: 'mailsByAddress' | 'unusedCodesByAddress'; stops: (typeof MAILED_CODES)[number]['stops'] }
type Named = Counter & { subject: string }

/** `account` is undefined for an address without one, whose tries count just the same. */
type Whom = { email: string; account: { id: string; passwordVersion: number } | undefined }

const countersOf = ({ email, account }: Whom): Named[] => [
  ...ADDRESS_LIMITS.map((limit) => ({ ...limit, subject: email })),
  ...MAILED_LINKS.map((stops) => ({ policy: 'mailsByAddress' as const, stops, subject: `${stops} ${email}` })),
  ...MAILED_CODES.flatMap(({ purpose, stops }) => [
    { policy: 'mailsByAddress' as const, stops, subject: `${stops} ${email}` },
    { policy: 'unusedCodesByAddress' as const, stops, subject: `${purpose} ${email}` },
  ]),
  ...(account === undefined
    ? []
    : [
        ...ACCOUNT_LIMITS.map((limit) => ({ ...limit, subject: account.id })),
        ...SECOND_STEP_LIMITS.map((limit) => ({ ...limit, subject: loginCodesOf(account) })),
      ]),
]

export type UsedUpLimit = Omit<UsedUp<Named>, 'subject'>

/** The limits that are used up at the moment, each with the time when it ends. */
export async function limitsUsedUp(deps: Deps, whom: Whom): Promise<UsedUpLimit[]> {
  const used = await listUsedUp(deps, countersOf(whom))
  return used.map(({ subject: _, ...limit }) => limit)
}

/** Forgets all tries of an address and its account, so that nothing is used up. Returns what was. */
export async function unlock(deps: Deps, whom: Whom): Promise<UsedUpLimit[]> {
  const used = await limitsUsedUp(deps, whom)
  await forgetCounts(deps, countersOf(whom))
  return used
}

/** What support needs to know of an account. No secret, no hash, and of a network only what it is about. */
import { deviceName } from '../../base/device-name.ts'
import type { Deps } from '../../deps.ts'
import { aboutNetwork } from '../../limits/networks.ts'
import { listSessions } from '../../sessions/sessions.ts'
import { type ActivityKind, type Device, listActivity, OPERATOR } from '../activity.ts'
import { listMailStatuses } from '../mail-status.ts'
import { limitsUsedUp } from './account-limits.ts'
import type { SupportAccount } from './support-accounts.ts'

const ACTIVITIES_SHOWN = 10

type Whence = { device: string; network: string }
export type UserReport = Omit<SupportAccount, 'passwordVersion'> & {
  sessions: (Whence & { signedInAt: Date; seenAt: Date; endsAt: Date })[]
  limits: Awaited<ReturnType<typeof limitsUsedUp>>
  mails: Awaited<ReturnType<typeof listMailStatuses>>
  /** The latest first. Without device and network where an operator did it. */
  activity: ({ at: Date; kind: ActivityKind } & Partial<Whence>)[]
}

const whence = ({ ipAddress, userAgent }: Device): Whence => ({
  device: deviceName(userAgent),
  network: aboutNetwork(ipAddress),
})

export async function reportOn(deps: Deps, account: SupportAccount): Promise<UserReport> {
  const { sql, now } = deps
  const [sessions, limits, mails, activity] = await Promise.all([
    listSessions(sql, account.id, now()),
    limitsUsedUp(deps, { email: account.email, account }),
    listMailStatuses(sql, account.id),
    listActivity(sql, account.id, ACTIVITIES_SHOWN),
  ])
  const { passwordVersion: _, ...shown } = account
  return {
    ...shown,
    sessions: sessions.map(({ createdAt, seenAt, expiresAt, ...device }) => ({
      signedInAt: createdAt,
      seenAt,
      endsAt: expiresAt,
      ...whence(device),
    })),
    limits,
    mails,
    activity: activity.map(({ at, kind, ...device }) => ({
      at,
      kind,
      ...(device.ipAddress === OPERATOR.ipAddress ? {} : whence(device)),
    })),
  }
}

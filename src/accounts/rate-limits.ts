/** How often something may be tried, counted in PostgreSQL: one count for all processes, kept over restarts. */
import { createHmac } from 'node:crypto'
import ipaddr from 'ipaddr.js'
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible'
import type { Db, Sql } from '../db.ts'
import { Unavailable } from '../unavailable.ts'

const MINUTE = 60
const HOUR = 60 * MINUTE
const IPV6_NETWORK_BITS = 64
const TURNS_WAITING_MAX = 100

/**
 * Per address the tries of one account; per network the tries of one place. A school shares one IPv4 address, so a
 * place has room for a few classes on their first day. A login counts until it succeeds, so there is room for more at
 * once than may wait for their hash.
 */
const POLICIES = {
  loginByAddress: { points: 10, duration: 15 * MINUTE },
  loginByNetwork: { points: 200, duration: 15 * MINUTE },
  signUpByAddress: { points: 100, duration: HOUR },
  signUpByNetwork: { points: 600, duration: HOUR },
  refreshFamiliesBySession: { points: 100, duration: 24 * HOUR },
  confirmByUser: { points: 10, duration: 15 * MINUTE },
  accountsByAddress: { points: 3, duration: HOUR },
  noticesByAddress: { points: 5, duration: HOUR },
  mailsByAddress: { points: 3, duration: HOUR },
  mailsByNetwork: { points: 200, duration: HOUR },
  emailChangesByUser: { points: 5, duration: HOUR },
  unknownLinksByNetwork: { points: 100, duration: 15 * MINUTE },
  exportsByUser: { points: 10, duration: HOUR },
} as const

export const LOGIN_PAUSE_MINUTES = POLICIES.loginByAddress.duration / MINUTE

export type Policy = keyof typeof POLICIES
export type Count = { allowed: true; left: number } | { allowed: false; retryAfterSeconds: number }

export function createRateLimits({ pool, key }: { pool: Db['pool']; key: Buffer }) {
  const limiterFor = (policy: Policy) =>
    new RateLimiterPostgres({
      storeClient: pool,
      storeType: 'pool',
      tableName: 'rate_limits',
      tableCreated: true,
      clearExpiredByTimeout: false,
      keyPrefix: policy,
      ...POLICIES[policy],
    })
  const limiters = Object.fromEntries(
    Object.keys(POLICIES).map((name) => [name, limiterFor(name as Policy)]),
  ) as Record<Policy, RateLimiterPostgres>
  /** Addresses of people and places are no business of this table. */
  const hashed = (subject: string) => createHmac('sha256', key).update(subject).digest('base64url')

  const turns = new Map<string, { last: Promise<unknown>; waiting: number }>()

  return {
    /** Counts one try before it is made, so that parallel tries cannot slip past the limit. */
    async count(policy: Policy, subject: string): Promise<Count> {
      try {
        const { remainingPoints } = await limiters[policy].consume(hashed(subject))
        return { allowed: true, left: remainingPoints }
      } catch (refusal) {
        if (!(refusal instanceof RateLimiterRes)) throw refusal
        return { allowed: false, retryAfterSeconds: Math.max(1, Math.ceil(refusal.msBeforeNext / 1000)) }
      }
    },
    /** Gives one try back. */
    async refund(policy: Policy, subject: string): Promise<void> {
      await limiters[policy].reward(hashed(subject))
    },
    /** Forgets all tries. */
    async clear(policy: Policy, subject: string): Promise<void> {
      await limiters[policy].delete(hashed(subject))
    },
    /**
     * Runs `job` after the earlier ones of the same subject in this process.
     * @throws {Unavailable} when too many wait, or when the one before found a part of the service out of reach: to find
     * the same one after the other would keep the last one waiting for minutes.
     */
    async inTurn<Result>(subject: string, job: () => Promise<Result>): Promise<Result> {
      const turn = turns.get(subject) ?? { last: Promise.resolve(), waiting: 0 }
      if (turn.waiting >= TURNS_WAITING_MAX) throw new Unavailable('too many tries for one account are waiting')
      turns.set(subject, turn)
      turn.waiting += 1
      const result = turn.last.then(job)
      turn.last = result.catch((error: unknown) => {
        if (error instanceof Unavailable) throw error
      })
      turn.last.catch(() => {})
      try {
        return await result
      } finally {
        turn.waiting -= 1
        if (turn.waiting === 0) turns.delete(subject)
      }
    },
  }
}

/** The network an address belongs to: an IPv4 address itself, in whichever spelling, and of an IPv6 address its /64. */
export function networkOf(ip = ''): string {
  // Some proxies pass on the port too.
  const bare = ip.replace(/^\[(.+)\](:\d+)?$|^([\d.]+):\d+$/, '$1$3')
  if (!ipaddr.isValid(bare)) return 'unknown'
  const address = ipaddr.process(bare)
  if (address.kind() === 'ipv4') return address.toString()
  const bytes = address.toByteArray().map((byte, index) => (index < IPV6_NETWORK_BITS / 8 ? byte : 0))
  return ipaddr.fromByteArray(bytes).toString()
}

/** Deletes up to `limit` counters whose time is over, and returns how many. */
export async function pruneRateLimits(sql: Sql, now: number, limit: number): Promise<number> {
  const gone = await sql`
    delete from rate_limits
    where key in (select key from rate_limits where expire < ${now} limit ${limit})
    returning 1 as gone`
  return gone.length
}

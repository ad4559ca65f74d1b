/** Many requests with many tokens, and for each answer whether it is right. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ApiClient } from '../../support/api.ts'
import { decode, MINUTE, SECOND } from '../../support/tokens.ts'

export const REQUESTS_PER_SECOND = 200
/** Of docs/python.md: so long a withdrawn key may still be known. */
const WITHDRAWN_WITHIN_MS = 6 * MINUTE
const LEEWAY_MS = 30 * SECOND
const PACE_MS = 20
const UNDER_WAY_MAX = 100
/** For so long after its end a token is still tried. */
const TRIED_AFTER_MS = 2 * MINUTE

export type Session = {
  how: string
  api: ApiClient
  /** Since when it may be over, and since when it is, by `performance.now()`. */
  endingAt?: number | undefined
  endedAt?: number
  /** When the backend first refused it after its end. */
  seenAt?: number
}
type Issued = { session: Session; token: string; kid: string; exp: number }
type Moment = { real: number; clock: number }

export type Tally = { requests: number; wrongRefusals: number; wrongAccepts: number; unanswered: number }
const nothing = (): Tally => ({ requests: 0, wrongRefusals: 0, wrongAccepts: 0, unanswered: 0 })

type Settings = { backendUrl: string; now: () => number; seenWithinMs: number }

/** Sends requests until it is stopped. `now` is the moved clock; `seenWithinMs` the time that a logout may go unseen. */
export function startLoad({ backendUrl, now, seenWithinMs }: Settings) {
  let pool: Issued[] = []
  let next = 0
  let tally = nothing()
  const wrong: string[] = []
  /** By key: when it was withdrawn. */
  const withdrawn = new Map<string, number>()
  const underWay = new Set<Promise<void>>()
  const moment = (): Moment => ({ real: performance.now(), clock: now() })

  /** Undefined while either answer is right. */
  function wanted({ session, kid, exp }: Issued, sent: Moment, received: Moment): 'let in' | 'refused' | undefined {
    const withdrawnAt = withdrawn.get(kid)
    if (session.endingAt === undefined && withdrawnAt === undefined && received.clock < exp) return 'let in'
    const isEnded = session.endedAt !== undefined && sent.real > session.endedAt + seenWithinMs
    const isWithdrawn = withdrawnAt !== undefined && sent.clock > withdrawnAt + WITHDRAWN_WITHIN_MS
    return isEnded || isWithdrawn || sent.clock > exp + LEEWAY_MS ? 'refused' : undefined
  }

  async function ask(issued: Issued): Promise<void> {
    const sent = moment()
    const status = await statusOf(issued.token)
    const received = moment()
    const { session } = issued
    const verdict = wanted(issued, sent, received)
    tally.requests += 1
    if (status === 401 && session.endedAt !== undefined) session.seenAt ??= received.real
    if (status !== 200 && status !== 401) tally.unanswered += 1
    else if (verdict === 'let in' && status === 401) tally.wrongRefusals += 1
    else if (verdict === 'refused' && status === 200) tally.wrongAccepts += 1
    else return
    const age = session.endedAt === undefined ? '' : `, ${(sent.real - session.endedAt).toFixed(0)} ms after its end`
    wrong.push(`${status} for ${session.how}${age}, key ${issued.kid.slice(0, 6)}`)
  }

  async function statusOf(token: string): Promise<number> {
    try {
      const response = await fetch(`${backendUrl}/me`, { headers: { Authorization: `Bearer ${token}` } })
      await response.arrayBuffer()
      return response.status
    } catch {
      return 0
    }
  }

  let isOver = false
  async function send(): Promise<void> {
    let due = 0
    for (let last = performance.now(); !isOver; await sleep(PACE_MS)) {
      const time = performance.now()
      due += ((time - last) / SECOND) * REQUESTS_PER_SECOND
      last = time
      for (; due >= 1 && underWay.size < UNDER_WAY_MAX && pool.length > 0; due -= 1) {
        next = (next + 1) % pool.length
        const issued = pool[next]
        if (issued === undefined) break
        const asking = ask(issued).finally(() => underWay.delete(asking))
        underWay.add(asking)
      }
      // What could not be sent in time is not made up for.
      due = Math.min(due, REQUESTS_PER_SECOND / 10)
    }
    await Promise.all(underWay)
  }
  const sending = send()

  return {
    withdrawn,
    /** A few of the answers that were wrong. */
    wrong,
    /** Has the holder of this session fetch a token, which is used from now on beside the older ones. Returns its key. */
    async renew(session: Session): Promise<string> {
      const token = await session.api.token()
      const { header, claims } = decode(token)
      const issued = { session, token, kid: String(header.kid), exp: claims.exp * SECOND }
      const known = pool.filter((one) => one.token !== token && one.exp + TRIED_AFTER_MS > now())
      pool = [...known, issued]
      return issued.kid
    },
    /** The counts since the last time. */
    take(): Tally {
      const taken = tally
      tally = nothing()
      return taken
    },
    async stop(): Promise<void> {
      isOver = true
      await sending
    },
  }
}

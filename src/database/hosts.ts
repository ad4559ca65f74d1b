/**
 * The hosts of one database, of which one takes writes, and when the next attempt to connect is made. They are tried one
 * after the other, and the one that works is kept: when it is gone, the next has its turn. Each has one before a pause.
 */
import type { Address, DatabaseUrl } from '../config/database-url.ts'

/** How long a host may take to be connected to, and then to log in, in milliseconds. */
const CONNECT_MS = 5_000
/** With several hosts, two that are silent must leave time for the third within the deadline of a query. */
const CONNECT_MS_OF_SEVERAL = 2_000

const PAUSE_FIRST_MS = 200
/** Short, so that a recovery is seen quickly. */
const PAUSE_MAX_MS = 1_000
/** Shorter pauses are made up to this much longer, so that many processes do not try at the same moment. */
const PAUSE_JITTER = 0.25

/** By these settings, which a server sends at each login, it says that it only reads (PostgreSQL 14 and newer). */
const UNFIT_BY: Record<DatabaseUrl['target'], readonly string[]> = {
  'read-write': ['in_hot_standby', 'default_transaction_read_only'],
  primary: ['in_hot_standby'],
  any: [],
}

export type Hosts = ReturnType<typeof createHosts>

export function createHosts({ addresses, target }: Pick<DatabaseUrl, 'addresses' | 'target'>) {
  const [first] = addresses
  const count = addresses.length
  let at = 0
  let failures = 0
  let attemptedAt = Number.NEGATIVE_INFINITY
  let pauseMs = 0

  /** Gives the turn to the next host. Only once when several connections to the same host fail. */
  function leave(address: Address) {
    if (addresses[at] === address) at = (at + 1) % count
  }

  return {
    count,
    connectMs: count > 1 ? CONNECT_MS_OF_SEVERAL : CONNECT_MS,
    leave,
    /** The host whose turn it is. It is connected to now. */
    attempt(): Address {
      attemptedAt = performance.now()
      return addresses[at] ?? first
    },
    /** When the next attempt may be made, in milliseconds of `performance.now()`. */
    nextAttempt: (): number => attemptedAt + (failures % count === 0 ? pauseMs : 0),
    isFailing: (): boolean => failures > 0,
    /** After a failed attempt. Returns whether every host has had its turn since the last pause. */
    hasFailed(address: Address): boolean {
      // Connections to one host often fail together, and that is one turn. Otherwise the next would be thought tried, too.
      if (addresses[at] !== address) return false
      failures += 1
      leave(address)
      const rounds = failures / count
      if (!Number.isInteger(rounds)) return false
      pauseMs = Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** (rounds - 1) * (1 + PAUSE_JITTER * Math.random()))
      return true
    },
    hasWorked() {
      failures = 0
      pauseMs = 0
    },
    /** Whether a setting says that the host is not the one that is looked for. */
    isUnfit: (setting: string, value: string): boolean => value === 'on' && UNFIT_BY[target].includes(setting),
  }
}

/** The error of a host that only reads. */
export const standbyError = () => Object.assign(new Error('the host only reads'), { code: 'CONNECTED_TO_STANDBY' })

/**
 * The connections to the database. Each is a client of postgres.js that serves one connection and is then thrown away:
 * the driver would mix what it remembers of a query that was cut off (rows, error, unsent bytes) into the next query of
 * the same client (porsager/postgres #1119, #1181, #1193). So reconnecting is done here: one attempt at a time while
 * nothing succeeds, with growing pauses, and none while nobody waits. Of several hosts, each has its turn before a pause.
 */
import type { Socket } from 'node:net'
import type postgres from 'postgres'
import { Unavailable } from '../base/failures.ts'
import type { Address } from '../config/database-url.ts'
import { type Hosts, standbyError } from './hosts.ts'
import { closedError, endSocket, openSocket } from './sockets.ts'

/** How many connections may be opened at the same time while all is well. */
const OPENING_AT_ONCE = 2
const IDLE_MS = 300_000
/** Each connection ends up to a tenth sooner, so that they do not all end at the same moment. */
const LIFETIME_MS = 1_800_000

/** Options of the driver for one connection. */
type ConnectionOptions = {
  max: 1
  socket: () => Promise<Socket>
  onparameter: (setting: string, value: string) => void
  onclose: () => void
}

export type Connection = { readonly client: postgres.Sql }

type Held = Connection & {
  readonly address: Address
  socket: Socket | undefined
  state: 'opening' | 'open' | 'over'
  /** Whether the host has let us in and takes writes. Before, the driver sends no query. */
  isLetIn: boolean
  /** Whether a query was answered on it. Until then, its end counts as a failed attempt to connect. */
  hasServed: boolean
  readonly generation: number
  readonly oldAt: number
  idleTimer?: NodeJS.Timeout
}

type Waiting = { give: (connection: Connection) => void; fail: (error: Error) => void }

export function createConnections({
  hosts,
  connect,
  max,
}: {
  hosts: Hosts
  connect: (address: Address, options: ConnectionOptions) => postgres.Sql
  max: number
}) {
  const all = new Set<Held>()
  const idle: Held[] = []
  const waiting: Waiting[] = []
  const ending = new Set<Promise<unknown>>()
  let generation = 0
  let timer: NodeJS.Timeout | undefined

  function open(): Held {
    const address = hosts.attempt()
    const told = new Set<string>()
    const client = connect(address, {
      max: 1,
      async socket() {
        if (held.socket === undefined && held.state !== 'over')
          return openSocket(address, { connectMs: hosts.connectMs, hold: (socket) => (held.socket = socket) })
        // The driver wants to reconnect by itself, which it would do again and again without a pause.
        discard(held)
        throw closedError()
      },
      // The server sends its settings as soon as the login has succeeded. What it sends again has changed since.
      onparameter(setting, value) {
        const isOfLogin = !told.has(setting) && !held.hasServed
        told.add(setting)
        if (isOfLogin && hosts.isUnfit(setting, value)) {
          held.isLetIn = false
          return discard(held, { error: standbyError() })
        }
        if (held.state !== 'opening') return
        Object.assign(held, { state: 'open', isLetIn: true })
        pump()
      },
      onclose: () => discard(held),
    })
    const oldAt = performance.now() + LIFETIME_MS * (1 - Math.random() / 10)
    const held: Held = {
      ...{ client, address, generation, oldAt },
      ...{ socket: undefined, state: 'opening', isLetIn: false, hasServed: false },
    }
    all.add(held)
    return held
  }

  /** Gives free connections to whoever waits, in order, and opens more if allowed. */
  function pump() {
    while (waiting.length > 0) {
      const held = idle.pop() ?? (mayOpen() ? open() : undefined)
      if (held === undefined) break
      clearTimeout(held.idleTimer)
      waiting.shift()?.give(held)
    }
    clearTimeout(timer)
    // Connections that are released or have just opened call this again. Only for a pause is a timer needed.
    const pause = hosts.nextAttempt() - performance.now()
    if (waiting.length > 0 && pause > 0) timer = setTimeout(pump, Math.ceil(pause))
  }

  function mayOpen(): boolean {
    const isFailing = hosts.isFailing()
    const held = [...all]
    if (held.length >= max || performance.now() < hosts.nextAttempt()) return false
    const unproven = held.filter(({ state, hasServed }) => state === 'opening' || (isFailing && !hasServed))
    return unproven.length < (isFailing || unproven.length === held.length ? 1 : OPENING_AT_ONCE)
  }

  /**
   * A failed attempt at the last host fails everybody who waits, unless there is a working connection that will be free
   * again.
   */
  function noteFailure({ address }: Held, error: Error) {
    if (!hosts.hasFailed(address)) return
    if ([...all].some(({ hasServed }) => hasServed)) return
    for (const { fail } of waiting.splice(0)) fail(error)
  }

  /** Ends a connection. With `graceMs`, a query on it has that much time to finish. */
  function discard(held: Held, { graceMs = 0, error = closedError() }: { graceMs?: number; error?: Error } = {}) {
    if (!all.delete(held)) return
    const grace = held.state === 'open' ? graceMs : 0
    held.state = 'over'
    clearTimeout(held.idleTimer)
    const place = idle.indexOf(held)
    if (place >= 0) idle.splice(place, 1)
    if (!held.hasServed) noteFailure(held, error)
    // The query may not have been sent yet. Then it must not be sent later.
    if (grace === 0 && !held.hasServed) held.socket?.destroy()
    const end = held.client.end({ timeout: grace / 1000 }).then(() => endSocket(held.socket))
    const settled = end.catch(() => {})
    ending.add(settled)
    void settled.finally(() => ending.delete(settled))
    pump()
  }

  return {
    /**
     * A connection for one query, first come, first served; `leave` stops waiting for it. Rejects with the error of the
     * last attempt to connect, if there is no other connection to wait for.
     */
    acquire(): { connection: Promise<Connection>; leave: () => void } {
      let place: Waiting | undefined
      const connection = new Promise<Connection>((give, fail) => {
        place = { give, fail }
        waiting.push(place)
      })
      pump()
      return {
        connection,
        leave() {
          const index = place ? waiting.indexOf(place) : -1
          if (index >= 0) waiting.splice(index, 1)
        },
      }
    },

    /** Returns a connection after its query was answered, perhaps with an error of the query itself. */
    release(connection: Connection) {
      const held = connection as Held
      held.hasServed = true
      hosts.hasWorked()
      if (held.generation !== generation || performance.now() > held.oldAt) return discard(held)
      if (held.state === 'over') return
      idle.push(held)
      held.idleTimer = setTimeout(() => discard(held), IDLE_MS).unref()
      pump()
    },

    /** Ends a connection on which a query has failed. */
    drop(connection: Connection, how: { graceMs?: number; error: Error }) {
      discard(connection as Held, how)
    },

    /** Whether no query can have been sent, because it never came to a login there. So it may be asked elsewhere. */
    isUnsent: (connection: Connection): boolean => !(connection as Held).isLetIn,

    /** Replaces all connections: they may lead to a server that is gone or, then `elsewhere`, has become read-only. */
    renew(connection: Connection, { elsewhere }: { elsewhere: boolean }) {
      generation += 1
      if (elsewhere) hosts.leave((connection as Held).address)
      for (const held of [...idle]) discard(held)
    },

    /** How many there are, and how many queries wait for one. */
    load() {
      const open = [...all].filter(({ state }) => state === 'open').length
      return { busy: Math.max(0, open - idle.length), idle: idle.length, waiting: waiting.length, max }
    },

    async close(graceMs: number): Promise<void> {
      for (const { fail } of waiting.splice(0)) fail(new Unavailable('the database client is closed'))
      clearTimeout(timer)
      for (const held of [...all]) discard(held, { graceMs })
      await Promise.all(ending)
    },
  }
}

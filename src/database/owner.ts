/** Work on the schema itself: one transaction on a connection of its own, to the host that takes writes. */
import postgres from 'postgres'
import type { Address } from '../config/database-url.ts'
import { connectionOptions, optionsAt } from './database.ts'
import { createHosts, standbyError } from './hosts.ts'
import { isEnd, refusalOf } from './outages.ts'
import { closedError, openSocket } from './sockets.ts'

type Work<Result> = (transaction: postgres.TransactionSql) => Promise<Result>

/**
 * Runs this in one transaction, at the first of the hosts that takes writes. An address of Neon's pooler is replaced by the
 * direct one. @throws what the last host answered, or what somebody can do something about.
 */
export async function asOwner<Result>(url: string, work: Work<Result>): Promise<Result> {
  const { addresses } = connectionOptions(url)
  const errors: unknown[] = []
  for (const address of addresses) {
    try {
      return await workAt(url, address, work)
    } catch (error) {
      if (!isEnd(error)) throw error
      errors.push(error)
    }
  }
  throw errors.find((error) => refusalOf(error) !== undefined) ?? errors[0]
}

async function workAt<Result>(url: string, given: Address, work: Work<Result>): Promise<Result> {
  const { addresses, target, tls, ...options } = connectionOptions(url)
  const hosts = createHosts({ addresses, target })
  const address = { ...given, host: given.host.replace('-pooler.', '.') }
  let isUnfit = false
  let isOpened = false
  // Behind a proxy without a server, the driver would try again without a pause.
  const once = {
    async socket() {
      if (isOpened) throw closedError()
      isOpened = true
      return openSocket(address, { connectMs: hosts.connectMs, hold: () => {} })
    },
  }
  const client = postgres({
    ...options,
    ...optionsAt(address, tls),
    max: 1,
    ...once,
    connect_timeout: hosts.connectMs / 1_000,
    fetch_types: false,
    onnotice: () => {},
    onparameter(setting: string, value: string) {
      isUnfit ||= hosts.isUnfit(setting, value)
    },
  })
  try {
    const result = await client.begin(async (transaction) => {
      if (isUnfit) throw standbyError()
      return { done: await work(transaction) }
    })
    return result.done
  } finally {
    await client.end({ timeout: 5 })
  }
}

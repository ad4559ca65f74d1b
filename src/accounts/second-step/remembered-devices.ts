/**
 * Devices that skip the second step for 30 days, as their owner has asked on them. Such a device holds a signature, like one that
 * has logged in before: it is worthless once the password changes, the second step is switched off or on, devices are signed
 * out, or the owner has them forgotten. The password is asked for as ever.
 */
import type { Sql } from '../../database/database.ts'
import type { Deps } from '../../deps.ts'
import { noted, type Occasion } from '../activity.ts'
import { deviceSignedFor, signedDevice } from '../passwords/known-devices.ts'
import type { User } from '../users.ts'

const DAYS = 30
export const REMEMBERED_DEVICE_MS = DAYS * 24 * 60 * 60_000

type Account = { user: Pick<User, 'id' | 'devicesVersion'>; passwordVersion: number }

const signerOf = ({ secondStepDeviceKeys, now }: Deps) => ({ keys: secondStepDeviceKeys, now, days: DAYS })

/** The account with its versions, or undefined where no second step is switched on. */
async function boundTo({ sql }: Deps, { user, passwordVersion }: Account) {
  const [step] = await sql<{ confirmedAt: Date; devicesVersion: number }>`
    select confirmed_at, devices_version from second_steps where user_id = ${user.id} and confirmed_at is not null`
  if (step === undefined) return undefined
  const versions = [passwordVersion, user.devicesVersion, step.confirmedAt.getTime(), step.devicesVersion]
  return { userId: user.id, versions }
}

/** Whether this device skips the second step of this account. */
export async function isRemembered(deps: Deps, text: string | undefined, account: Account): Promise<boolean> {
  if (text === undefined) return false
  const bound = await boundTo(deps, account)
  return bound !== undefined && signedDevice(signerOf(deps), text, bound) !== undefined
}

/** What the device holds from now on, or undefined where no second step is switched on. */
export async function madeRemembered(
  deps: Deps,
  text: string | undefined,
  account: Account,
): Promise<string | undefined> {
  const bound = await boundTo(deps, account)
  return bound && deviceSignedFor(signerOf(deps), text, bound)
}

/** All devices are asked for the second step again. */
export async function forgetRememberedDevices(sql: Sql, userId: string, occasion: Occasion): Promise<void> {
  await sql`
    with forgotten as (
      update second_steps set devices_version = devices_version + 1
      where user_id in (select id from users where id = ${userId} for key share) and confirmed_at is not null
      returning user_id as id
    )
    ${noted('second-step-devices-forgotten', 'forgotten', occasion)}`
}

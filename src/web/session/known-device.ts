/** The cookie by which an account knows a device again. It logs nobody in: the password is asked for as ever. */
import type { Request, Response } from 'express'
import { knownDevice, madeKnown } from '../../accounts/passwords/known-devices.ts'
import type { User } from '../../accounts/users.ts'
import type { Deps } from '../../deps.ts'
import { heldCookie, keepCookie } from './cookies.ts'

export const deviceCookieOf = (req: Request, deps: Deps): string | undefined => heldCookie(req, deps, 'device')

export const keepDeviceCookie = (res: Response, deps: Deps, value: string): void =>
  keepCookie(res, deps, 'device', value)

/** From now on, for a year, this account knows the device of the request. */
export function rememberDevice(
  req: Request,
  res: Response,
  deps: Deps,
  account: { user: Pick<User, 'id' | 'devicesVersion'>; passwordVersion: number },
): void {
  keepDeviceCookie(res, deps, madeKnown(deps, deviceCookieOf(req, deps), account))
}

/** After all devices were made strangers by the learner on one of them: that one stays known, if it was. */
export function rememberDeviceAgain(
  req: Request,
  res: Response,
  deps: Deps,
  user: User,
  versions: { devicesVersion: number; passwordVersion: number } | undefined,
): void {
  if (versions === undefined) return
  const { devicesVersion, passwordVersion } = versions
  if (knownDevice(deps, deviceCookieOf(req, deps), { user, passwordVersion }) === undefined) return
  rememberDevice(req, res, deps, { user: { id: user.id, devicesVersion }, passwordVersion })
}

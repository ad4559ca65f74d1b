/** What a request says of the device it comes from. */
import type { Request } from 'express'
import type { Device } from '../../accounts/activity.ts'

const USER_AGENT_MAX_LENGTH = 300

export const deviceOf = (req: Request): Device => ({
  ipAddress: req.ip ?? '',
  userAgent: (req.get('User-Agent') ?? '').slice(0, USER_AGENT_MAX_LENGTH),
})

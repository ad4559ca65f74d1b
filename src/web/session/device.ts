/** What a request says of the device it comes from. */
import type { Request } from 'express'
import type { Device } from '../../accounts/activity.ts'

const USER_AGENT_MAX_LENGTH = 300

/** C0 and C1: in a terminal they could move the cursor and change what an operator reads. */
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f]/g

export const deviceOf = (req: Request): Device => ({
  ipAddress: req.ip ?? '',
  userAgent: (req.get('User-Agent') ?? '').replace(CONTROL_CHARACTERS, '').slice(0, USER_AGENT_MAX_LENGTH),
})

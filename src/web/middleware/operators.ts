/** Who may see how the server is doing: whoever holds METRICS_TOKEN. */
import type { Request } from 'express'
import { isSameText } from '../../base/same-text.ts'
import type { Deps } from '../../deps.ts'

/** Whether a request carries the token, as `Authorization: Bearer` (RFC 6750 section 2.1). False where there is none to carry. */
export function isOperator({ config }: Pick<Deps, 'config'>, { headers: { authorization = '' } }: Request): boolean {
  const [, given] = /^Bearer +(\S+)$/i.exec(authorization) ?? []
  const token = config.metrics?.token
  return token !== undefined && given !== undefined && isSameText(given, token)
}

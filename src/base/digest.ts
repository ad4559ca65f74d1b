import { createHash } from 'node:crypto'

/** SHA-256 in base64url, for what is stored or compared without being readable. */
export const sha256 = (content: string | Buffer): string => createHash('sha256').update(content).digest('base64url')

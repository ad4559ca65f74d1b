import { randomBytes } from 'node:crypto'

const ID_LENGTH = 32
const ID_CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
/** Larger bytes are left out, since they would make some characters more likely than others. */
const EVEN_UP_TO = 256 - (256 % ID_CHARACTERS.length)

/** A new random id for a user, a session or a mail: 32 letters and digits, the length that clients of Better Auth expect. */
export function newId(): string {
  let id = ''
  while (id.length < ID_LENGTH) {
    for (const byte of randomBytes(ID_LENGTH)) {
      if (byte < EVEN_UP_TO && id.length < ID_LENGTH) id += ID_CHARACTERS[byte % ID_CHARACTERS.length]
    }
  }
  return id
}

import { randomInt } from 'node:crypto'

const ID_LENGTH = 32
const ID_CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** A new name for a user or a session: 32 letters and digits, as long as clients of Better Auth expect. */
export const newId = (): string =>
  Array.from({ length: ID_LENGTH }, () => ID_CHARACTERS[randomInt(ID_CHARACTERS.length)]).join('')

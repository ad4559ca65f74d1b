/**
 * Recovery codes, for whoever has lost the app: ten, each good once. Stored as HMACs under the secret of the second step, so that
 * the table alone does not let anybody try them all, and they end with that secret.
 */
import { createHmac, randomInt } from 'node:crypto'
import { type Fragment, fragment } from '../../database/fragments.ts'

const COUNT = 10
/** Nothing that could be taken for something else when it is copied by hand. 10 of 31 are 49 bits. */
const CHARACTERS = 'abcdefghjkmnpqrstuvwxyz23456789'
const LENGTH = 10

/** Ten new ones, as they are shown. */
export const newRecoveryCodes = (): string[] =>
  Array.from({ length: COUNT }, () => {
    const code = Array.from({ length: LENGTH }, () => CHARACTERS[randomInt(CHARACTERS.length)]).join('')
    return `${code.slice(0, LENGTH / 2)}-${code.slice(LENGTH / 2)}`
  })

/** What was typed, without what people put between the groups of a code. Digits may be those of a wide keyboard. */
export const typedCode = (text: string): string => text.normalize('NFKC').replace(/[\s\p{Pd}]/gu, '')

export const recoveryCodeHash = (secret: Buffer, code: string): string =>
  createHmac('sha256', secret)
    .update(`recovery code ${typedCode(code).toLowerCase()}`)
    .digest('base64url')

/** Takes all codes of the users in `part` away and gives them these. Two parts of a statement. */
export const renewedCodes = (secret: Buffer, codes: readonly string[], part: Fragment): Fragment => fragment`
  without_codes as (
    delete from recovery_codes where user_id in (${part})
  ), with_codes as (
    insert into recovery_codes (user_id, code_hash)
    select holder.id, hash from (${part}) as holder, unnest(${codes.map((code) => recoveryCodeHash(secret, code))}::text[]) as hash
  )`

/** Nothing is left of the second step of the users in `part`. Two parts of the statement that switches it off. */
export const withoutSecondStep = (part: Fragment): Fragment => fragment`
  without_step as (
    delete from second_steps where user_id in (${part})
  ), without_codes as (
    delete from recovery_codes where user_id in (${part})
  )`

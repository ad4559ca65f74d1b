/** How the log calls somebody. */
import { findCredentials, findUser } from '../accounts/users.ts'
import { pseudonym } from '../base/log.ts'
import { command } from './frame/command.ts'
import { Failure } from './frame/exits.ts'

export const PSEUDONYM = command({
  name: 'pseudonym',
  summary: 'how the log calls somebody, in `user` of its lines',
  arguments: { account: { what: 'the address or the id', missing: 'Whose? Give an address or an id.' } },
  json: true,
  run: async ({ deps, args: { account }, out }) => {
    const { sql } = await deps()
    const isAddress = account.includes('@')
    const user = isAddress
      ? (await findCredentials(sql, account.trim().toLowerCase()))?.user
      : await findUser(sql, account.trim())
    if (user === undefined)
      throw new Failure('noInput', `There is no account with this ${isAddress ? 'address' : 'id'}.`)
    const name = pseudonym(user.id)
    out.tell({ id: user.id, pseudonym: name }, () => [name])
  },
})

/** Somebody has lost the app and all recovery codes, and has shown the operator in another way who they are. */
import { takeSecondStepOff } from '../../accounts/second-step/switching-off.ts'
import { command } from '../frame/command.ts'
import { Failure } from '../frame/exits.ts'
import { MAILED, QUIET } from './changing.ts'
import { accountOf, WHOM } from './whom.ts'

export const secondStepOff = command({
  name: 'users second-step off',
  summary: 'let somebody log in with the password alone who has lost the app and all recovery codes',
  details:
    'Only when you have seen in another way than by email that the account is theirs:\nwhoever reads their mailbox may be asking you. Their recovery codes and the devices\nthat skip the second step are worthless then. They can set it up again.',
  arguments: { whom: WHOM },
  options: { quiet: QUIET },
  changes: true,
  run: async ({ deps, audited, args: { whom }, options, out }) => {
    const parts = await deps()
    const { id, deleteAt } = await accountOf(parts, whom)
    if (deleteAt !== null) throw new Failure('data', 'The account is deleted. See users why.')
    const notify = !options.quiet && parts.mail.enabled
    await audited({ whom: id, details: { mailed: notify } }, async () => {
      if (!(await takeSecondStepOff(parts, id, { notify })))
        throw new Failure('data', 'The account has no second step.')
    })
    out.say(`The second step is off: a login takes the password alone. ${notify ? MAILED : 'They are not told.'}`)
  },
})

/** The texts of mails about the second step of a login. */
import { compose } from './letter.ts'
import { IF_NOT_YOU, NOTICE_LASTS_MS } from './notices.ts'
import type { Draft } from './outbox.ts'

const aboutSecondStep =
  (kind: string, subject: string, said: string, ifNotYou: string) =>
  (to: string, link: string): Draft => ({
    kind,
    lastsMs: NOTICE_LASTS_MS,
    mail: compose(to, { subject, before: [said, ifNotYou], link }),
  })

export const secondStepOn = aboutSecondStep(
  'second-step-on',
  'A second step is switched on',
  'From now on, a login to your Matricula account needs a code of an authenticator app beside the password. All other devices were signed out.',
  'If it was you, delete this email: its link could switch the second step off. If it was not, open the link within 7 days. Its button switches the second step off and signs out every device, and you choose a new password:',
)

export const secondStepOff = aboutSecondStep(
  'second-step-off',
  'The second step is switched off',
  'A login to your Matricula account needs only the password from now on. The recovery codes are worthless.',
  IF_NOT_YOU,
)

export const secondStepTakenOff = aboutSecondStep(
  'second-step-taken-off',
  'We have switched off the second step',
  'Somebody told us that they had lost their authenticator app and their recovery codes, and showed us that the account is theirs. A login to your Matricula account needs only the password now.',
  IF_NOT_YOU,
)

export const recoveryCodesRenewed = aboutSecondStep(
  'recovery-codes-renewed',
  'There are new recovery codes',
  'New recovery codes for your Matricula account were made just now. The ones of before are worthless.',
  IF_NOT_YOU,
)

export const recoveryCodeUsed = aboutSecondStep(
  'recovery-code-used',
  'A recovery code was used',
  'A recovery code of your Matricula account was used just now, in place of a code of the authenticator app. It is used up.',
  IF_NOT_YOU,
)

export const secondStepGuessed = aboutSecondStep(
  'second-step-guessed',
  'Wrong codes for your account',
  'Somebody logged in to your Matricula account with the right password, and then typed wrong codes until we paused it. They did not get in.',
  'If it was you, try again in 15 minutes. If it was not, your password is known to somebody: open this link within 7 days. Its button signs out every device, and you choose a new password:',
)

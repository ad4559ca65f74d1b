/** The texts of mails about passkeys. */
import { compose } from './letter.ts'
import { NOTICE_LASTS_MS } from './notices.ts'
import type { Draft } from './outbox.ts'

const END =
  'If it was you, there is nothing to do. If it was not, open this link within 7 days. Its button removes all passkeys and signs out every device, and you choose a new password:'

/** `name` is what its owner calls it. */
const aboutPasskey =
  (kind: string, subject: string, said: (name: string) => string, ifNotYou = END) =>
  (to: string, { name, link }: { name: string; link: string }): Draft => ({
    kind,
    lastsMs: NOTICE_LASTS_MS,
    mail: compose(to, { subject, before: [said(name), ifNotYou], link }),
  })

export const passkeyAdded = aboutPasskey(
  'passkey-added',
  'A passkey was added',
  (name) =>
    `A passkey was added to your Matricula account just now: “${name}”. Whoever has it can log in without the password.`,
)

export const passkeyRemoved = aboutPasskey(
  'passkey-removed',
  'A passkey was removed',
  (name) => `A passkey of your Matricula account was removed just now: “${name}”. It logs nobody in any more.`,
)

export const passkeyCopied = aboutPasskey(
  'passkey-copied',
  'A passkey may have been copied',
  (name) =>
    `Somebody wanted to log in to your Matricula account with the passkey “${name}”, and it counted back: that happens when an authenticator has been copied. They did not get in.`,
  'Remove that passkey on your account page. If you think that somebody else was in your account, open this link within 7 days. Its button removes all passkeys and signs out every device, and you choose a new password:',
)

/** Mail: a real conversation with the server, or a real mail. */
import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { access, mkdir } from 'node:fs/promises'
import type { Config } from '../../config/config.ts'
import { converse, type Step, withoutLogin } from '../../mail/conversation.ts'
import { compose } from '../../mail/letter.ts'
import { sender } from '../../mail/transport.ts'
import { type Finding, look, ok, wrong } from './findings.ts'

const TODO: Record<Step, string> = {
  connection: 'Are host and port of SMTP_URL right, and may this machine reach them? smtps:// is TLS from the start.',
  greeting: 'Is that a mail server? smtps:// is TLS from the start, smtp:// is not.',
  encryption: 'Its certificate must be for the name in SMTP_URL, and of a known authority.',
  login: 'Are user and password of SMTP_URL right, with %25 for a % in them?',
  sender: 'MAIL_FROM must be an address that this login may send from.',
  recipient: 'It refuses the recipient. Another one: doctor --mail-to ADDRESS',
}

export async function examineMail({ mail }: Config, to: string | undefined): Promise<Finding> {
  if (mail === undefined)
    return look('mail', 'off: nobody can confirm an address or reset a password', 'Set SMTP_URL and MAIL_FROM.')
  const where = mail.smtp === undefined ? mail.directory : new URL(mail.smtp).host
  if (to !== undefined) {
    const letter = compose(to, {
      subject: 'A mail to try it out',
      before: ['This server can send mail. Somebody who runs it has asked for this one; there is nothing to do.'],
    })
    try {
      await sender(mail, Date.now)(letter, randomUUID())
      return ok('mail', `handed over to ${where}: look whether it has arrived`)
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error)
      return wrong(
        'mail',
        `${where} did not take it: ${withoutLogin(said, new URL(mail.smtp ?? 'file:'))}`,
        'Run doctor without --mail-to to see at which word.',
      )
    }
  }
  if (mail.smtp === undefined) {
    const isWritable = await mkdir(mail.directory, { recursive: true, mode: 0o700 })
      .then(() => access(mail.directory, constants.W_OK))
      .then(
        () => true,
        () => false,
      )
    return isWritable
      ? ok('mail', `into files in ${where}`)
      : wrong('mail', `the folder ${where} cannot be written`, 'MAIL_DIRECTORY must be a folder of this user.')
  }
  const conversation = await converse(mail, mail.from)
  if (!conversation.ok) {
    const says = `${where}, ${conversation.step}: ${conversation.said.replace(/\s+/g, ' ')}`
    return conversation.step === 'recipient'
      ? look('mail', says, TODO.recipient)
      : wrong('mail', says, TODO[conversation.step])
  }
  const { encrypted, loggedIn } = conversation
  const how = [encrypted ? 'encrypted' : 'not encrypted', ...(loggedIn ? ['logged in'] : [])].join(', ')
  return ok('mail', `${where} takes mail from ${mail.from}: ${how}. Nothing was sent`)
}

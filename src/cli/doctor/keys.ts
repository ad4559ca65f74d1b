/** The signing keys, and the mails that wait: whether these secrets open them. */
import type { Deps } from '../../deps.ts'
import { countWaitingMails, listWaitingMails } from '../../mail/waiting-mails.ts'
import { endingOf } from '../frame/exits.ts'
import { type Finding, look, off, ok, wrong } from './findings.ts'

const MAILS_OPENED = 1_000
const SECRETS = 'Put the secret that is missing into APP_SECRETS, behind the others.'

export async function examineKeys({ keyRing, config, sql }: Deps): Promise<Finding[]> {
  try {
    return [keysFinding(await keyRing.list()), await outboxFinding({ config, sql })]
  } catch (error) {
    const { message, exit } = endingOf(error)
    if (message.includes('APP_SECRETS')) return [wrong('keys', message, SECRETS)]
    return [
      exit === 'software'
        ? wrong('keys', message, 'See the log of the server.')
        : off('keys', 'not asked: the database or its schema is away'),
    ]
  }
}

function keysFinding(keys: Awaited<ReturnType<Deps['keyRing']['list']>>): Finding {
  const closed = keys.filter(({ opened }) => !opened).map(({ key }) => key.kid)
  if (keys.length === 0) return ok('keys', 'none yet: a server makes the first one when it starts')
  const says = `${keys.length} published, all opened by these secrets`
  if (closed.length === 0 && keys.some(({ state }) => state === 'current')) return ok('keys', says)
  if (closed.length === 0)
    return look('keys', `${keys.length} published, and none signs`, 'Start a server, which makes one.')
  return look('keys', `opened by none of these secrets: ${closed.join(', ')}`, SECRETS)
}

async function outboxFinding({ config, sql }: Pick<Deps, 'config' | 'sql'>): Promise<Finding> {
  const waiting = await countWaitingMails(sql)
  if (waiting === 0) return ok('outbox', 'no mail waits')
  const mails = await listWaitingMails(sql, config.keys('outbox'), { limit: MAILS_OPENED })
  const closed = mails.filter(({ opened }) => !opened).length
  const late = mails.filter(({ attempts }) => attempts > 1).length
  if (closed > 0) return wrong('outbox', `${closed} of ${waiting} mails are opened by none of these secrets`, SECRETS)
  if (late > 0)
    return look('outbox', `${waiting} mails wait, ${late} of them put off`, 'See outbox list, and the line about mail.')
  return ok('outbox', `${waiting} mails wait for their turn`)
}

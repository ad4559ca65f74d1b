/**
 * A conversation with the mail server up to where a mail would follow (RFC 5321): greeting, encryption, login, sender,
 * recipient. Nothing is sent. Our own, since nodemailer does not stop there, and to say at which word the server refused.
 */
import { createHmac } from 'node:crypto'
import { createConnection, type Socket } from 'node:net'
import { hostname } from 'node:os'
import { connect as connectTls } from 'node:tls'

const ANSWER_MS = 12_000
const ALL_MS = 25_000

export type Step = 'connection' | 'greeting' | 'encryption' | 'login' | 'sender' | 'recipient'
export type Conversation =
  | { ok: true; encrypted: boolean; loggedIn: boolean }
  /** `said`: what the server answered, or why there was no answer. */
  | { ok: false; step: Step; said: string }

type Reply = { code: number; text: string }

class Refused extends Error {
  readonly step: Step

  constructor(step: Step, said: string) {
    super(said)
    this.step = step
  }
}

/** Talks to the server of `smtp` as a mail from `from` to `to` would. Never rejects, and ends within 25 seconds. */
export async function converse({ smtp, from }: { smtp: string; from: string }, to: string): Promise<Conversation> {
  const url = new URL(smtp)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const isImplicit = url.protocol === 'smtps:'
  const port = Number(url.port || (isImplicit ? 465 : 587))
  const user = decodeURIComponent(url.username)
  const isHere = ['localhost', '127.0.0.1', '::1'].includes(host)
  const plain = isImplicit ? undefined : createConnection({ host, port })
  let socket: Socket = plain ?? connectTls({ host, port, ...serverName(host) })
  let step: Step = 'connection'
  const deadline = setTimeout(() => socket.destroy(new Error('it took too long')), ALL_MS)
  try {
    await ready(socket, isImplicit ? 'secureConnect' : 'connect')
    let ask = listenTo(socket)
    const must = async (next: Step, command: string | undefined, good: RegExp): Promise<Reply> => {
      step = next
      const reply = await ask(command)
      if (!good.test(String(reply.code))) throw new Refused(next, reply.text)
      return reply
    }
    await must('greeting', undefined, /^220$/)
    let offers = await must('greeting', `EHLO ${hostname()}`, /^250$/)
    if (plain !== undefined && /^250[ -]STARTTLS\b/im.test(offers.text)) {
      await must('encryption', 'STARTTLS', /^220$/)
      plain.removeAllListeners('data')
      // The host, too: for an address Node would otherwise compare the certificate with `localhost`.
      socket = connectTls({ socket: plain, host, ...serverName(host) })
      await ready(socket, 'secureConnect')
      ask = listenTo(socket)
      offers = await must('encryption', `EHLO ${hostname()}`, /^250$/)
    } else if (plain !== undefined && user !== '' && !isHere) {
      throw new Refused('encryption', 'it offers no STARTTLS, and a password is never sent without')
    }
    if (user !== '') await logIn(must, offers, loginOf(url))
    await must('sender', `MAIL FROM:<${from}>`, /^250$/)
    await must('recipient', `RCPT TO:<${to}>`, /^25[01]$/)
    // The refusal of these would not matter.
    await ask('RSET').catch(() => {})
    await ask('QUIT').catch(() => {})
    return { ok: true, encrypted: socket !== plain, loggedIn: user !== '' }
  } catch (error) {
    const said = withoutLogin(error instanceof Error ? error.message : String(error), url)
    const code = error instanceof Error && 'code' in error ? `${error.code} ` : ''
    return {
      ok: false,
      step: error instanceof Refused ? error.step : step,
      said: said.includes(code.trim()) ? said : `${code}${said}`,
    }
  } finally {
    clearTimeout(deadline)
    socket.destroy()
    plain?.destroy()
  }
}

/** TLS names the host it wants, which an address is not (RFC 6066 section 3). */
const serverName = (host: string) => (/^[\d.]+$|:/.test(host) ? {} : { servername: host })

function ready(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, resolve).once('error', reject)
    socket.setTimeout(ANSWER_MS, () => socket.destroy(new Error('it does not answer')))
  })
}

/** Returns a function that sends a command, if there is one, and resolves to the reply. */
function listenTo(socket: Socket): (command: string | undefined) => Promise<Reply> {
  let text = ''
  let waiting: { resolve: (reply: Reply) => void; reject: (error: Error) => void } | undefined
  let failure: Error | undefined
  const look = () => {
    const [whole = '', code = ''] = /^(?:\d{3}-[^\n]*\n)*(\d{3})(?: [^\n]*)?\n/.exec(text) ?? []
    if (whole === '' || waiting === undefined) return
    text = text.slice(whole.length)
    waiting.resolve({ code: Number(code), text: whole.trim() })
    waiting = undefined
  }
  const fail = (error: Error) => {
    failure ??= error
    waiting?.reject(failure)
  }
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
    look()
  })
  socket.on('error', fail).on('close', () => fail(new Error('it closed the connection')))
  return (command) =>
    new Promise((resolve, reject) => {
      if (failure !== undefined) return reject(failure)
      waiting = { resolve, reject }
      if (command !== undefined) socket.write(`${command}\r\n`)
      look()
    })
}

type Must = (step: Step, command: string, good: RegExp) => Promise<Reply>

const inBase64 = (text: string) => Buffer.from(text).toString('base64')
const loginOf = (url: URL) => ({ user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) })
const plainOf = ({ user, password }: ReturnType<typeof loginOf>) => inBase64(`\0${user}\0${password}`)

/** What a server says, without the password of the login: some repeat the command that they refuse. */
export function withoutLogin(said: string, url: URL): string {
  const login = loginOf(url)
  if (login.password === '') return said
  const secrets = [plainOf(login), inBase64(login.password), login.password, url.password]
  return secrets.reduce((text, secret) => text.replaceAll(secret, '***'), said)
}

/** By PLAIN (RFC 4616) or, where only these are offered, LOGIN or CRAM-MD5 (RFC 2195), as nodemailer does. */
async function logIn(must: Must, offers: Reply, { user, password }: { user: string; password: string }): Promise<void> {
  const [, ways = ''] = /^250[ -]AUTH[ =](.*)$/im.exec(offers.text) ?? []
  if (/\bPLAIN\b/i.test(ways)) {
    await must('login', `AUTH PLAIN ${plainOf({ user, password })}`, /^235$/)
  } else if (/\bLOGIN\b/i.test(ways)) {
    await must('login', 'AUTH LOGIN', /^334$/)
    await must('login', inBase64(user), /^334$/)
    await must('login', inBase64(password), /^235$/)
  } else if (/\bCRAM-MD5\b/i.test(ways)) {
    const { text } = await must('login', 'AUTH CRAM-MD5', /^334$/)
    const challenge = Buffer.from(text.slice('334 '.length), 'base64')
    const answer = createHmac('md5', password).update(challenge).digest('hex')
    await must('login', inBase64(`${user} ${answer}`), /^235$/)
  } else {
    throw new Refused('login', ways === '' ? 'it offers no login' : `it offers only ${ways.trim()}`)
  }
}

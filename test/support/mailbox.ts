/** A mail server for tests: real SMTP on loopback. A test can open its letters and choose how it fails. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after } from 'node:test'
import PostalMime from 'postal-mime'
import { SMTPServer } from 'smtp-server'
import { ROOT } from '../../src/config/folders.ts'
import { eventually } from './process.ts'

/**
 * What the server does with a mail, in the order below: accepts it; refuses its text for now; refuses it for good; does
 * not know the recipient; refuses the sender; takes the text and never answers; takes the text and answers only when
 * `set` chooses another of these; does not even greet.
 */
type Manner = 'take' | 'busy' | 'refuse' | 'unknown' | 'not-you' | 'hang' | 'hold' | 'mute'

const fileOf = (name: string): Buffer => readFileSync(join(ROOT, 'test/support/certificates', name))
const CERTIFICATE = { cert: fileOf('server.pem'), key: fileOf('server-key.pem') }

/** How long `close` waits: connections that hang would never end. */
const CLOSE_MS = 100

export type Letter = {
  to: string
  recipients: string[]
  subject: string
  text: string
  html: string
  raw: string
  messageId: string
  /** The one link in it, or an empty string. */
  link: string
}

export type Mailbox = Awaited<ReturnType<typeof openMailbox>>

type Opened = {
  /** Reuses the port of an earlier mailbox. */
  port?: number
  /** Where it listens, on this machine. */
  host?: string
  /** TLS from the start, or when it is asked for, with a certificate for `localhost` of a private authority. */
  tls?: 'implicit' | 'starttls'
  /** Who may send, and by which ways they can log in. The refusal of others says what they have sent. */
  login?: { user: string; password: string; ways: ('PLAIN' | 'LOGIN' | 'CRAM-MD5')[] }
}

/** Closed after the test or test file that opens it. */
export async function openMailbox({ port: wantedPort = 0, host = '127.0.0.1', tls, login }: Opened = {}) {
  const letters: Letter[] = []
  let manner: Manner = 'take'
  const manners = new Map<string, Manner>()
  const mannerFor = (recipient: string | undefined) => manners.get(recipient ?? '') ?? manner
  let held: (() => void)[] = []
  const tries: string[] = []
  const refusal = (responseCode: number, text: string) => Object.assign(new Error(text), { responseCode })
  const server = new SMTPServer({
    disabledCommands: [...(login ? [] : ['AUTH']), ...(tls === 'starttls' ? [] : ['STARTTLS'])],
    secure: tls === 'implicit',
    ...(tls ? CERTIFICATE : {}),
    authOptional: login === undefined,
    allowInsecureAuth: true,
    authMethods: login?.ways ?? [],
    onAuth({ username, password, validatePassword }, _session, done) {
      const isRight =
        password === login?.password || (password === undefined && validatePassword(login?.password ?? ''))
      if (username === login?.user && isRight) return done(null, { user: username })
      const sent = Buffer.from(`\0${username}\0${password}`).toString('base64')
      done(refusal(535, `${username}, not by ${password} or ${sent}`))
    },
    logger: false,
    closeTimeout: CLOSE_MS,
    disableReverseLookup: true,
    onConnect(_session, done) {
      if (manner !== 'mute') done()
    },
    onMailFrom(_address, _session, done) {
      done(manner === 'not-you' ? refusal(550, 'Sender not allowed') : null)
    },
    onRcptTo({ address }, _session, done) {
      done(mannerFor(address) === 'unknown' ? refusal(550, `No mailbox ${address} here`) : null)
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', async () => {
        tries.push(/^Message-ID: (.*)\r$/im.exec(Buffer.concat(chunks).toString())?.[1] ?? '')
        const recipients = session.envelope.rcptTo.map(({ address }) => address)
        while (mannerFor(recipients[0]) === 'hold') await new Promise<void>((resolve) => held.push(resolve))
        const now = mannerFor(recipients[0])
        if (now === 'hang') return
        if (now === 'busy') return done(refusal(451, 'Try again later'))
        if (now === 'refuse') return done(refusal(550, 'No such mailbox'))
        letters.push(await read(Buffer.concat(chunks), recipients))
        done()
      })
    },
  })
  server.on('error', () => {})
  await new Promise<void>((resolve) => server.listen(wantedPort, host, resolve))
  const address = server.server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()))
  after(close)
  const to = (email: string, subject?: RegExp) =>
    letters.filter((letter) => letter.recipients.includes(email) && (subject?.test(letter.subject) ?? true))
  return {
    url: `smtp://${host}:${port}`,
    port,
    letters,
    close,
    /** Sets what happens to mails from now on, either to all or only to those for one recipient. */
    set(next: Manner, recipient?: string) {
      if (recipient === undefined) manner = next
      else manners.set(recipient, next)
      const waiting = held
      held = []
      for (const goOn of waiting) goOn()
    },
    /** How many complete mails have arrived, accepted or not. */
    tries: () => tries.length,
    /** The Message-ID of each of these mails. */
    triedIds: () => tries,
    to,
    /** Waits until there are `count` letters to this address and returns the newest. */
    async letterTo(email: string, subject?: RegExp, count = 1): Promise<Letter> {
      await eventually(`${count} letters`, () => to(email, subject).length >= count)
      const [newest] = to(email, subject).slice(-1)
      if (newest === undefined) throw new Error('no letter')
      return newest
    },
  }
}

async function read(raw: Buffer, recipients: string[]): Promise<Letter> {
  const { to, subject = '', text = '', html = '', messageId = '' } = await PostalMime.parse(raw)
  const links = text.split('\n').filter((line) => /^https?:\/\/\S+$/.test(line))
  if (links.length > 1) throw new Error('more than one link in a mail')
  return {
    to: to?.[0]?.address ?? '',
    recipients,
    subject,
    text,
    html,
    raw: raw.toString(),
    messageId,
    link: links[0] ?? '',
  }
}

/**
 * Lynx and w3m in a real terminal: somebody signs up, answers, logs out, logs in again, and is still logged in after
 * closing the browser. Somebody sets a second step up and logs in with it. Somebody logs in by a code of a mail.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { startApp } from '../support/app.ts'
import { openMailbox } from '../support/mailbox.ts'
import { pathOf } from '../support/mailed.ts'
import { codeOf, SUBJECT } from '../support/mailed-codes.ts'
import { learner, type Person, somebody } from '../support/people.ts'
import { codeAt, nextCode } from '../support/second-step.ts'
import { openTerminal, type Place, type Terminal } from '../support/terminal.ts'

const app = await startApp({}, { atPublicUrl: true })
const mailbox = await openMailbox()
/** One that sends mails. */
const mailing = await startApp({}, { atPublicUrl: true, mailbox })

/** Lynx keeps cookies, shows the cursor, and does not pause after its messages. */
const LYNX_SETTINGS = [
  'ACCEPT_ALL_COOKIES:TRUE',
  'PERSISTENT_COOKIES:TRUE',
  'SHOW_CURSOR:TRUE',
  ...['INFOSECS', 'MESSAGESECS', 'ALERTSECS', 'DELAYSECS'].map((name) => `${name}:0`),
].join('\n')

type Browser = {
  /** The command line; `home` is the folder where Lynx keeps its cookies. */
  command: (home: string, url: string) => string
  /** How a text field and a button look on the screen. */
  field: RegExp
  button: (label: string) => RegExp
  fill: (terminal: Terminal, text: string) => Promise<void>
  quit: (terminal: Terminal) => Promise<void>
}

const BROWSERS: Record<string, Browser> = {
  lynx: {
    command: (home, url) =>
      `lynx -cfg=${home}/lynx.cfg -cookie_file=${home}/cookies -cookie_save_file=${home}/cookies -nocolor ${url}`,
    field: /_{5,}/,
    // A button with a value shows it in the brackets.
    button: (label) => new RegExp(`\\(\\w+\\) ${label}`),
    fill: (terminal, text) => terminal.type(text),
    quit: (terminal) => terminal.press('Q'),
  },
  w3m: {
    command: (_home, url) => `w3m -cookie -o confirm_qq=0 ${url}`,
    field: /\[ {5,}\]/,
    // Not the page title, which w3m shows as `<title>` in the last line.
    button: (label) => new RegExp(`(?<!<)${label}`),
    async fill(terminal, text) {
      await terminal.press('Enter')
      await terminal.see(/^(TEXT|Password):/m)
      await terminal.type(text)
      await terminal.press('Enter')
      await terminal.see(/Viewing/)
    },
    quit: (terminal) => terminal.press('q'),
  },
}

function placeIn(lines: string[], row: number, what: RegExp): Place | undefined {
  const match = what.exec(lines[row] ?? '')
  return match ? { row, from: match.index, to: match.index + match[0].length } : undefined
}

/** The first match on the line with the label, or below it. */
const beneath = (label: RegExp, what: RegExp) => (lines: string[]) => {
  const from = lines.findIndex((line) => label.test(line))
  const row = from < 0 ? -1 : lines.findIndex((line, at) => at >= from && what.test(line))
  return placeIn(lines, row, what)
}

/** The last match: a heading with the same words stands above it. */
const at = (what: RegExp) => (lines: string[]) =>
  placeIn(
    lines,
    lines.findLastIndex((line) => what.test(line)),
    what,
  )

for (const [name, { command, field, button, fill, quit }] of Object.entries(BROWSERS)) {
  describe(name, () => {
    async function open(home: string, path: string, { url } = app): Promise<Terminal> {
      const terminal = await openTerminal(command(home, url + path), { HOME: home, LANG: 'C.UTF-8' })
      after(() => terminal.close())
      return terminal
    }

    async function type(terminal: Terminal, label: RegExp, text: string): Promise<void> {
      await terminal.stepTo(beneath(label, field))
      await fill(terminal, text)
    }

    async function push(terminal: Terminal, label: string): Promise<void> {
      await terminal.stepTo(at(button(label)))
      await terminal.press('Enter')
    }

    async function signUp(terminal: Terminal, { name: called, email, password }: Person): Promise<void> {
      await terminal.see(/Create your account/)
      await type(terminal, /^ *Name/, called)
      await type(terminal, /Email address/, email)
      await type(terminal, /Password/, password)
      await push(terminal, 'Create account')
    }

    async function answerFirstQuestion(terminal: Terminal): Promise<void> {
      await terminal.see(/How much programming have you done\?/)
      // Lynx ticks the first choice by itself. That must not be an answer.
      await push(terminal, 'Continue')
      await terminal.see(/There is a problem/)
      await terminal.stepTo(at(/[([] ?[)\]] I can write short scripts/))
      await terminal.press('Enter')
      await push(terminal, 'Continue')
    }

    async function skipTheRest(terminal: Terminal): Promise<void> {
      for (const number of [2, 3, 4, 5, 6]) {
        await terminal.see(new RegExp(`Question ${number} of 6`))
        await push(terminal, 'Skip for now')
      }
      await terminal.see(/Check your answers/)
      await push(terminal, 'Save')
    }

    async function newHome(): Promise<string> {
      const home = await mkdtemp(join(tmpdir(), 'matricula-text-'))
      after(() => rm(home, { recursive: true, force: true }))
      await writeFile(join(home, 'lynx.cfg'), LYNX_SETTINGS)
      return home
    }

    it('sets a second step up from the secret on the page, and logs in with a code', async () => {
      const { person } = await learner(app, 'Ada')
      const first = await open(await newHome(), '/login?next=/account/second-step')
      await first.see(/Forgot your password/)
      await type(first, /Email address/, person.email)
      await type(first, /Password/, person.password)
      await push(first, 'Log in')
      await first.see(/You need an authenticator app/)
      await push(first, 'Set it up')
      const page = await first.see(/Code that the app shows/)
      const secret = (/(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}/.exec(page)?.[0] ?? '').replaceAll(' ', '')
      assert.equal(secret.length, 32, page)
      await type(first, /Code that the app shows/, codeAt(app, secret))
      await push(first, 'Switch it on')
      const told = await first.see(/Your recovery codes/)
      // Each stands on a line of its own. The messages of a browser may look like one too.
      const codes = [...told.matchAll(/^[\s*+o•·]*([a-z2-9]{5}-[a-z2-9]{5})\s*$/gm)].map(([, code = '']) => code)
      assert.equal(codes.length, 10, told)
      await quit(first)
      await first.ended()

      for (const code of [() => nextCode(app, secret), () => codes[0] ?? '']) {
        const again = await open(await newHome(), '/login')
        await again.see(/Forgot your password/)
        await type(again, /Email address/, person.email)
        await type(again, /Password/, person.password)
        await push(again, 'Log in')
        await again.see(/from your authenticator app/)
        await type(again, /^ *Code/, code())
        await push(again, 'Continue')
        await again.see(/Your dashboard|Study next|What to study|How much programming/)
        await quit(again)
        await again.ended()
      }
    })

    it('asks for a code by mail and types it, and another time opens the link beside it', async () => {
      const { person } = await learner(mailing, 'Ada')
      for (const [count, byLink] of [false, true].entries()) {
        const home = await newHome()
        const first = await open(home, '/login/code', mailing)
        await first.see(/We send a code there/)
        await type(first, /Email address/, person.email)
        await push(first, 'Send me a code')
        await first.see(/Nothing came/)
        const letter = await mailbox.letterTo(person.email, SUBJECT, count + 1)
        if (!byLink) await type(first, /^ *Code/, codeOf(letter))
        if (byLink) {
          await quit(first)
          await first.ended()
        }
        const last = byLink ? await open(home, pathOf(letter), mailing) : first
        if (byLink) await last.see(/You asked for this/)
        // Beneath it stands a link that begins with the same words.
        await push(last, 'Log in *$')
        await last.see(/Your dashboard|Study next|What to study|How much programming/)
        await quit(last)
        await last.ended()
      }
    })

    it('signs up, answers, logs out, logs in to stay, and is still known after it was closed', async () => {
      const home = await newHome()
      const person = somebody('Ada')
      const first = await open(home, '/sign-up')
      await signUp(first, person)
      await answerFirstQuestion(first)
      await skipTheRest(first)
      await first.see(/Your answers are saved/)
      const [saved] = await app.sql<{ softwareExperience: string }>`
        select software_experience from profiles join users on users.id = user_id where email = ${person.email}`
      assert.equal(saved?.softwareExperience, 'beginner')

      await push(first, 'Log out')
      await first.see(/You are logged out/)
      await quit(first)
      await first.ended()

      const second = await open(home, '/login')
      await second.see(/Forgot your password/)
      await type(second, /Email address/, person.email)
      await type(second, /Password/, person.password)
      await second.stepTo(at(/\[ \] Keep me logged in/))
      await second.press('Enter')
      await push(second, 'Log in')
      await second.see(/Your dashboard|Study next|What to study/)
      await quit(second)
      await second.ended()

      const third = await open(home, '/account')
      const shown = await third.see(/Your account/)
      assert.match(shown, new RegExp(person.email.replace('.', '\\.')))
    })
  })
}

/** Runs a program in a real terminal: reads its screen and cursor, and presses keys. */
import { execFile, execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const COLUMNS = 100
/** Enough to show every page completely. */
const ROWS = 160
const PATIENCE_MS = 20_000
const POLL_MS = 50
/** More than any page has links, fields and buttons. */
const STOPS_MAX = 80

const run = promisify(execFile)

/** The programs that the tests of text browsers need. */
const PROGRAMS = ['tmux', 'lynx', 'w3m']

const isThere = (program: string): boolean => {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Those that this machine does not have. */
export const missingPrograms = (): string[] => PROGRAMS.filter((program) => !isThere(program))

export type Place = { row: number; from: number; to: number }
export type Terminal = Awaited<ReturnType<typeof openTerminal>>

/** Runs a command line in its own terminal. */
export async function openTerminal(command: string, environment: Record<string, string>) {
  const socket = `matricula-${randomBytes(6).toString('hex')}`
  const tmux = async (...args: string[]) => (await run('tmux', ['-L', socket, ...args])).stdout
  const settings = Object.entries(environment).map(([name, value]) => `${name}='${value}'`)
  await tmux(
    ...['-f', '/dev/null', 'new-session', '-d', '-x', String(COLUMNS), '-y', String(ROWS)],
    `env ${settings.join(' ')} ${command}`,
  )

  const screen = async (): Promise<string> => tmux('capture-pane', '-p')
  const cursor = async (): Promise<number[]> =>
    (await tmux('display-message', '-p', '#{cursor_y} #{cursor_x}')).split(' ').map(Number)

  const terminal = {
    screen,
    /** Waits until the screen shows this. @throws when it does not, with the text of the screen. */
    async see(pattern: RegExp): Promise<string> {
      let shown = ''
      for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await sleep(POLL_MS)) {
        shown = await screen()
        if (pattern.test(shown)) return shown
      }
      throw new Error(`waited in vain for ${pattern} on this screen:\n${shown.replace(/\n{2,}/g, '\n')}`)
    },
    async press(...keys: string[]): Promise<void> {
      for (const key of keys) await tmux('send-keys', key)
    },
    async type(text: string): Promise<void> {
      await tmux('send-keys', '-l', text)
    },
    /** Presses Tab until the cursor is at the place that `find` returns. */
    async stepTo(find: (lines: string[]) => Place | undefined): Promise<void> {
      for (let stops = 0; stops < STOPS_MAX; stops += 1) {
        const place = find((await screen()).split('\n'))
        const [row = -1, column = -1] = await cursor()
        // Lynx puts its cursor in front of a link.
        if (place && row === place.row && column >= place.from - 2 && column < place.to) return
        await terminal.press('Tab')
        await sleep(POLL_MS)
      }
      throw new Error(`that place is not reached:\n${(await screen()).replace(/\n{2,}/g, '\n')}`)
    },
    /** Waits until the program has ended by itself, so that its files are written. */
    async ended(): Promise<void> {
      for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await sleep(POLL_MS)) {
        const runs = await tmux('has-session').then(
          () => true,
          () => false,
        )
        if (!runs) return
      }
      throw new Error('the program does not end')
    },
    async close(): Promise<void> {
      await tmux('kill-server').catch(() => {})
    },
  }
  return terminal
}

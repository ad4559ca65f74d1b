/** What `doctor` has found, one line for each: fine, or what to do. */
import type { Output } from '../frame/output.ts'

/** `look`: it works, and somebody should have a look. `off`: it is not used here, or could not be asked. */
export type State = 'ok' | 'look' | 'wrong' | 'off'
export type Finding = { about: string; state: State; says: string; todo?: string }

export const ok = (about: string, says: string): Finding => ({ about, state: 'ok', says })
export const off = (about: string, says: string): Finding => ({ about, state: 'off', says })
export const look = (about: string, says: string, todo: string): Finding => ({ about, state: 'look', says, todo })
export const wrong = (about: string, says: string, todo: string): Finding => ({ about, state: 'wrong', says, todo })

const COLOURS = { ok: 'green', look: 'yellow', wrong: 'red', off: undefined } as const
const ABOUT_WIDTH = 9

/** A finding in words; what to do stands below it. */
export function linesOf({ about, state, says, todo }: Finding, { coloured }: Pick<Output, 'coloured'>): string[] {
  const colour = COLOURS[state]
  const word = state.padEnd(5)
  const line = `${colour === undefined ? word : coloured(word, colour)}  ${about.padEnd(ABOUT_WIDTH)}  ${says}`
  return todo === undefined ? [line] : [line, `${' '.repeat(7 + ABOUT_WIDTH + 2)}-> ${todo}`]
}

/** What a command declares: its words, arguments and options, from which its help is made, and what it does. */
import type { Config } from '../../config/config.ts'
import type { Deps } from '../../deps.ts'
import type { Output } from './output.ts'

type Argument = {
  what: string
  optional?: true
  /** Takes all words that are left. Only the last argument may. */
  many?: true
  /** What to say when it is missing. */
  missing?: string
  /** What such a word looks like, where it may begin with a dash and be taken for an option. */
  mayBeginWithDash?: RegExp
}
export type Arguments = Record<string, Argument>

type Option = { what: string } & ({ type: 'boolean' } | { type: 'string'; value: string })
export type Options = Record<string, Option>

type ArgumentsOf<A extends Arguments> = {
  [Name in keyof A]: A[Name] extends { many: true }
    ? string[]
    : A[Name] extends { optional: true }
      ? string | undefined
      : string
}
type OptionsOf<O extends Options> = {
  [Name in keyof O]: (O[Name] extends { type: 'boolean' } ? boolean : string) | undefined
}

export type Database = { url: string; migrationUrl: string; embedded: boolean }

/** What a command may use. Whatever is asked for first is opened then, and closed when the command has ended. */
export type Running = {
  out: Output
  /** @throws {ConfigError} */
  config: () => Config
  /** The database of the settings, or the embedded one. */
  database: () => Promise<Database>
  /** What a server has. Nothing is logged. */
  deps: () => Promise<Deps>
  /**
   * Makes a change and notes in the table `audit` who made it. The note is written first, so that no change goes without,
   * and says afterwards how the change ended, with what the change has told by `note`. Neither `details` nor `note` may hold
   * a secret or an address.
   */
  audited: <Result>(
    entry: { whom?: string; details?: Record<string, unknown> },
    change: (note: (more: Record<string, unknown>) => void) => Promise<Result>,
  ) => Promise<Result>
  /** Who gives the command: `--as`, or the user of the system. */
  by: string
}

type Declared<A extends Arguments, O extends Options> = {
  /** Its words: a noun and mostly a verb. */
  name: string
  /** One line, for the list of commands. */
  summary: string
  /** What else its help says. */
  details?: string
  arguments?: A
  options?: O
  /** Whether it lists or reports something, so that it takes `--json`. */
  json?: boolean
  /** Whether it changes something, so that it takes `--as`. Whatever it changes goes through `audited`. */
  changes?: boolean
  /** A number that it resolves to is the exit code. */
  run: (running: Running & { args: ArgumentsOf<A>; options: OptionsOf<O> }) => Promise<unknown>
}

export type Command = {
  name: string
  summary: string
  details: string | undefined
  arguments: Arguments
  options: Options
  json: boolean
  changes: boolean
  run: (
    running: Running & {
      args: Record<string, string | string[] | undefined>
      options: Record<string, string | boolean | undefined>
    },
  ) => Promise<unknown>
}

/** Lets the compiler see which arguments and options `run` gets. */
export function command<
  const A extends Arguments = Record<never, never>,
  const O extends Options = Record<never, never>,
>({ run, details, arguments: args, options, json = false, changes = false, ...said }: Declared<A, O>): Command {
  return {
    ...said,
    details,
    arguments: args ?? {},
    options: options ?? {},
    json,
    changes,
    run: run as Command['run'],
  }
}

/** Finds the command in the words that were given, and reads its arguments and options. */
import { parseArgs } from 'node:util'
import type { Command, Options } from './command.ts'
import { UsageError } from './exits.ts'

const HELP = ['--help', '-h', 'help']

/** What every command takes, or every one of its kind. */
export const optionsOf = (command: Command): Options => ({
  ...command.options,
  ...(command.json ? { json: { type: 'boolean', what: 'print JSON' } } : {}),
  ...(command.changes
    ? {
        as: {
          type: 'string',
          value: 'NAME',
          what: 'who does it, for the audit; without it, the user of the system',
        },
      }
    : {}),
  help: { type: 'boolean', what: 'print this and do nothing' },
})

export type Asked =
  | { help: Command }
  /** All commands that begin with these words; with none, all there are. */
  | { help: string[] }
  | { command: Command; given: Given }
export type Given = {
  args: Record<string, string | string[] | undefined>
  options: Record<string, string | boolean | undefined>
}

/** @throws {UsageError} with the command it is about, if that is known. */
export function read(words: readonly string[], commands: readonly Command[]): Asked {
  const [first = ''] = words
  if (HELP.includes(first)) return about(words.slice(1), commands)
  const command = commandIn(words, commands)
  if (command === undefined) {
    const noun = commands.some(({ name }) => name.startsWith(`${first} `)) ? [first] : []
    if (noun.length > 0 && words.slice(1).some((word) => HELP.includes(word))) return { help: noun }
    throw new NotFound(words.length === noun.length ? '' : `There is no command ${words.join(' ')}.`, noun)
  }
  const given = readGiven(words.slice(command.name.split(' ').length), command)
  return given.options.help === true ? { help: command } : { command, given }
}

/** No command has these words. */
export class NotFound extends UsageError {
  readonly noun: string[]

  constructor(message: string, noun: string[]) {
    super(message)
    this.noun = noun
  }
}

/** A command was found, and does not take what it was given. */
export class WrongUse extends UsageError {
  readonly command: Command

  constructor(message: string, command: Command) {
    super(message)
    this.command = command
  }
}

function about(words: readonly string[], commands: readonly Command[]): Asked {
  const command = commandIn(words, commands)
  if (command !== undefined) return { help: command }
  const [noun = ''] = words
  return { help: commands.some(({ name }) => name.startsWith(`${noun} `)) ? [noun] : [] }
}

/** The command with the most words of those that the words begin with. */
const commandIn = (words: readonly string[], commands: readonly Command[]): Command | undefined =>
  commands
    .filter(({ name }) => name.split(' ').every((word, index) => words[index] === word))
    .sort((one, other) => other.name.length - one.name.length)[0]

function readGiven(words: readonly string[], command: Command): Given {
  const { values, positionals } = parse(words, command)
  const args: Given['args'] = {}
  let rest = positionals
  // Help is given whatever else is lacking.
  if (values.help === true) return { args, options: values }
  for (const [name, { optional, many, missing }] of Object.entries(command.arguments)) {
    const [taken, left] = many ? [rest, []] : [rest.slice(0, 1), rest.slice(1)]
    if (taken.length === 0 && !optional) throw new WrongUse(missing ?? `<${name}> is missing.`, command)
    args[name] = many ? taken : taken[0]
    rest = left
  }
  if (rest.length > 0) throw new WrongUse(`Not understood: ${rest[0]}`, command)
  return { args, options: values }
}

function parse(words: readonly string[], command: Command) {
  const shapes = Object.values(command.arguments).flatMap(({ mayBeginWithDash }) => mayBeginWithDash ?? [])
  const isArgument = (word: string) => word.startsWith('-') && shapes.some((shape) => shape.test(word))
  const dashed = words.filter(isArgument)
  const options = Object.entries(optionsOf(command)).map(([name, { type }]) => [
    name,
    { type, ...(name === 'help' ? { short: 'h' } : {}) },
  ])
  try {
    return parseArgs({
      args: [
        ...words.filter((word) => !isArgument(word)),
        ...(dashed.length > 0 && !words.includes('--') ? ['--'] : []),
        ...dashed,
      ],
      options: Object.fromEntries(options),
      allowPositionals: true,
    }) as { values: Given['options']; positionals: string[] }
  } catch (error) {
    throw new WrongUse(reasonOf(error), command)
  }
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : ''
  const [, unknown] = /^Unknown option '([^']*)'/.exec(message) ?? []
  return unknown === undefined ? `${message.split('. ')[0]?.replace(/\.$/, '')}.` : `Not understood: ${unknown}`
}

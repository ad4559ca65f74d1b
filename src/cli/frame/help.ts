/** The help of the commands, made from what they declare. */
import type { Command } from './command.ts'
import { tableOf } from './output.ts'
import { optionsOf } from './parsing.ts'

const PROGRAM = 'node dist/cli.js'

/** The words of a command with what it takes, in the usual notation: `keys retire <kid> [--now]`. */
export function synopsisOf(command: Command): string {
  const args = Object.entries(command.arguments).map(([name, { optional, many }]) => {
    const word = `<${name}>${many ? '...' : ''}`
    return optional ? `[${word}]` : word
  })
  const options = Object.entries(optionsOf(command))
    .filter(([name]) => name !== 'help')
    .map(([name, option]) => `[--${name}${option.type === 'string' ? ` ${option.value}` : ''}]`)
  return [command.name, ...args, ...options].join(' ')
}

/** The help of one command. */
export function helpOf(command: Command): string {
  const args = Object.entries(command.arguments).map(([name, { what }]) => [`  <${name}>`, what])
  const options = Object.entries(optionsOf(command)).map(([name, option]) => [
    `  --${name}${option.type === 'string' ? ` ${option.value}` : ''}${name === 'help' ? ', -h' : ''}`,
    option.what,
  ])
  const parts = [
    `Usage: ${PROGRAM} ${synopsisOf(command)}`,
    `${capitalised(command.summary)}.`,
    ...(command.details === undefined ? [] : [command.details]),
    tableOf([...args, ...options]).join('\n'),
  ]
  return parts.join('\n\n')
}

/** The list of the commands of a noun, or of all. */
export function listOf(commands: readonly Command[], noun: readonly string[] = []): string {
  const shown = commands.filter(({ name }) => noun.every((word, index) => name.split(' ')[index] === word))
  const rows = shown.map(({ name, summary, arguments: args }) => [
    `  ${[name, ...Object.entries(args).map(([arg, { optional }]) => (optional ? `[<${arg}>]` : `<${arg}>`))].join(' ')}`,
    summary,
  ])
  const usage = `Usage: ${PROGRAM} ${noun.length > 0 ? `${noun.join(' ')} <command>` : '<command>'} [options]`
  return [usage, tableOf(rows).join('\n'), `Each says more with --help.`].join('\n\n')
}

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

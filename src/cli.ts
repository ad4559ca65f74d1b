#!/usr/bin/env node
/** The operator's commands: `node dist/cli.js`. Each noun has a file in `cli/`; how they are read and run, `cli/frame/` says. */
import { constants } from 'node:os'
import { printable } from './base/text.ts'
import { COMMANDS } from './cli/commands.ts'
import { cutOff, wasCutOff } from './cli/frame/closing.ts'
import { EXITS, endingOf } from './cli/frame/exits.ts'
import { helpOf, listOf } from './cli/frame/help.ts'
import { NotFound, read, WrongUse } from './cli/frame/parsing.ts'
import { runCommand } from './cli/frame/running.ts'

const SIGNALLED = 128

async function main(): Promise<void> {
  const asked = read(process.argv.slice(2), COMMANDS)
  if ('command' in asked) {
    process.exitCode = await runCommand(asked.command, asked.given)
    return
  }
  console.log(Array.isArray(asked.help) ? listOf(COMMANDS, asked.help) : helpOf(asked.help))
}

/** What is printed behind the message of a command that was not understood. */
function usageFor(error: unknown): string {
  if (error instanceof WrongUse) return helpOf(error.command)
  return error instanceof NotFound ? listOf(COMMANDS, error.noun) : ''
}

// Whoever reads the output has gone, as `head` does.
process.stdout.on('error', () => cutOff(EXITS.io))
// As a shell says it of a program that a signal has ended. A second one ends it at once.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => cutOff(SIGNALLED + constants.signals[signal]))
// Progress and messages that nobody reads must not end the work.
process.stderr.on('error', () => {})

await main().catch((error: unknown) => {
  if (wasCutOff()) return
  const { exit, message } = endingOf(error)
  console.error(
    [message.split('\n').map(printable).join('\n'), usageFor(error)].filter((text) => text !== '').join('\n\n'),
  )
  process.exitCode = EXITS[exit]
})

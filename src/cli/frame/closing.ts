/** What a command has opened and must not leave behind, also when it is cut off: the embedded database, half a file. */

type Close = () => Promise<unknown>

/** What was opened last stands first. */
const opened: Close[] = []
let closing: Promise<void> | undefined
let isCutOff = false

/** Closes this in the end, before what was opened earlier. Returns a function that says that there is nothing to close any more. */
export function closeInTheEnd(close: Close): () => void {
  opened.unshift(close)
  return () => {
    const index = opened.indexOf(close)
    if (index >= 0) opened.splice(index, 1)
  }
}

/** Done once: a command that is cut off fails as well, and both ask for this. */
export const closeAll = (): Promise<void> => {
  closing ??= closeEach()
  return closing
}

async function closeEach(): Promise<void> {
  for (let close = opened.shift(); close !== undefined; close = opened.shift()) await close()
}

/** Whether whatever goes wrong now does so because the command was cut off. */
export const wasCutOff = (): boolean => isCutOff

/** Ends the process before the command is through with its work. */
export async function cutOff(exitCode: number): Promise<void> {
  if (isCutOff) return
  isCutOff = true
  await closeAll().catch(() => {})
  process.exit(exitCode)
}

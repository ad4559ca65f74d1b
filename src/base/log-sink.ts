/**
 * Where the log goes: standard output. Nobody who is served waits for whoever reads it, and a full disk ends no process: what
 * cannot be written is lost, and afterwards the log says how much that was.
 */
import { writeSync } from 'node:fs'
import { Socket } from 'node:net'

/** How much may wait for a reader that is slow or stuck, in characters. */
const WAITING_MAX = 1024 * 1024
const STDOUT = 1

let isHeard = false

/** Files and devices are written at once. Pipes, sockets and terminals have a stream that keeps what they do not take. */
export function createLogSink({ onLost }: { onLost: (lines: number) => void }): { write: (line: string) => void } {
  // Asked of the stream: in Node 20, `fstatSync` of a pipe makes modules of CommonJS that are loaded later come out empty.
  const put = process.stdout instanceof Socket ? putIntoStream : createFileWriter()
  let lost = 0
  return {
    write(line) {
      if (!put(line)) {
        lost += 1
        return
      }
      if (lost === 0) return
      const lines = lost
      lost = 0
      onLost(lines)
    },
  }
}

function createFileWriter(): (line: string) => boolean {
  let isCutOff = false
  return (line) => {
    const bytes = Buffer.from(isCutOff ? `\n${line}` : line)
    try {
      const written = writeSync(STDOUT, bytes)
      isCutOff = written < bytes.length && (written > 0 || isCutOff)
      return written === bytes.length
    } catch {
      return false
    }
  }
}

function putIntoStream(line: string): boolean {
  const { stdout } = process
  // The reader may end at any time. Without a listener, that would end this process.
  if (!isHeard) stdout.on('error', () => {})
  isHeard = true
  if (stdout.destroyed || stdout.writableLength > WAITING_MAX) return false
  stdout.write(line)
  return true
}

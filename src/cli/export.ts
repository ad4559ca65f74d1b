/** Moving out: everybody with all that is theirs. */
import { writeFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { peopleAsLines } from '../moving/move-out.ts'
import { command } from './frame/command.ts'
import { intoNewFile } from './frame/new-file.ts'

const TOLD_EVERY = 500

export const EXPORT = command({
  name: 'export jsonl',
  summary: 'print everybody with all that is theirs, a JSON object in each line',
  details:
    'For import jsonl. It holds password hashes: give it a --file, which only you can read, or a pipe.\n' +
    'Our own hashes are worth something only where APP_SECRETS is the same.',
  options: { file: { type: 'string', value: 'FILE', what: 'write to this new file instead, readable by you alone' } },
  changes: true,
  run: async ({ deps, audited, options: { file }, out }) => {
    const { sql, passwords } = await deps()
    const progress = out.progress('Exporting')
    let count = 0
    async function* lines() {
      for await (const line of peopleAsLines({ sql, passwords })) {
        yield `${line}\n`
        count += 1
        if (count % TOLD_EVERY === 0) progress.set(count)
      }
    }
    await intoNewFile(file, (opened) =>
      audited({}, async () => {
        if (opened !== undefined) await writeFile(opened, lines())
        // Standard output stays open for whatever is said afterwards.
        else await pipeline(Readable.from(lines()), process.stdout, { end: false })
      }),
    )
    progress.end(`${count} exported`)
  },
})

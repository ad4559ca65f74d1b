/** The version before the newest migration, built in a folder of its own, to see what it does on the schema of today. */
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { promisify } from 'node:util'
import { ROOT } from '../../../src/config/folders.ts'

const run = promisify(execFile)
const OUTPUT_MAX = 50_000_000

export type Version = Awaited<ReturnType<typeof buildPreviousVersion>>

const git = async (...args: string[]): Promise<string> =>
  (await run('git', args, { cwd: ROOT, maxBuffer: OUTPUT_MAX })).stdout.trim()

/** `UPGRADE_FROM`, or the commit before the one that brought the newest migration. Undefined where there is no history. */
export async function previousCommit(): Promise<string | undefined> {
  try {
    const newest = await git('log', '-1', '--diff-filter=A', '--format=%H', '--', 'sql/*.sql')
    return await git('rev-parse', '--verify', '--short', `${process.env.UPGRADE_FROM ?? `${newest}^`}^{commit}`)
  } catch {
    return undefined
  }
}

/** Builds it with the packages of today. Removed after the test. */
export async function buildPreviousVersion(commit: string) {
  const folder = mkdtempSync(join(tmpdir(), 'matricula-previous-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  const archive = join(folder, 'archive.tar')
  await git('archive', '--output', archive, commit)
  await run('tar', ['-xf', archive, '-C', folder])
  rmSync(archive)
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'], { cwd: folder })
  return {
    server: join(folder, 'dist/server.js'),
    cli: join(folder, 'dist/cli.js'),
    /** Its own tests whose path contains one of these parts, on the schema of today. Returns the line that counts them. */
    async testOnNewSchema(parts: readonly string[]): Promise<string> {
      cpSync(join(ROOT, 'sql'), join(folder, 'sql'), { recursive: true })
      const { PATH, HOME } = process.env
      const options = { cwd: folder, env: { PATH, HOME }, maxBuffer: OUTPUT_MAX }
      const output = await run(process.execPath, ['--import', 'tsx', 'test/run.ts', ...parts], options).then(
        ({ stdout }) => stdout,
        ({ stdout }) => String(stdout),
      )
      const count = /^\d+ passed, \d+ failed$/m.exec(output)?.[0] ?? 'no test was run'
      if (!count.endsWith(' 0 failed')) console.log(output)
      return count
    },
  }
}

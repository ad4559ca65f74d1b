/** A copy of the project whose guards can be broken one at a time: sources, what is compiled from them, and the tests. */
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../../src/config/folders.ts'
import type { Mutant } from './mutant.ts'

const COPIED = ['src', 'views', 'public', 'sql', 'docs', 'package.json', 'tsconfig.json', '.env.example']
const LINKED = ['node_modules', 'test/bench/node_modules']
const STUCK_MS = 120_000

export type Workshop = ReturnType<typeof openWorkshop>
/** The titles of the tests of a file, by what became of them. */
export type Outcome = { passed: Set<string>; failed: Set<string> }

/** Titles begin with the rows of the ledger that they show, which say nothing of the test. */
const untagged = (title: string): string => title.replace(/^\[[^\]]+\] /, '')

/** Copies everything into `folder`, which must be empty. */
export function copyProject(folder: string): void {
  for (const name of COPIED)
    if (existsSync(join(ROOT, name))) cpSync(join(ROOT, name), join(folder, name), { recursive: true })
  cpSync(join(ROOT, 'test'), join(folder, 'test'), {
    recursive: true,
    filter: (path) => !path.includes('node_modules'),
  })
  for (const name of LINKED) if (existsSync(join(ROOT, name))) symlinkSync(join(ROOT, name), join(folder, name))
}

export function openWorkshop(folder: string, env: NodeJS.ProcessEnv) {
  function run(args: string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] })
      let output = ''
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk
      })
      child.once('error', reject)
      child.once('close', () => resolve(output))
    })
  }

  /** Types are not checked: a mutant need not be right. */
  const compile = async (...options: string[]): Promise<void> => {
    const tsc = 'node_modules/typescript/bin/tsc'
    await Promise.all([
      run([tsc, '-p', '.', ...options]),
      run([tsc, '-p', 'test', '--noEmit', 'false', '--outDir', 'build', ...options]),
    ])
  }

  /** A file, and what was compiled from it. */
  const copiesOf = (file: string): string[] =>
    file.endsWith('.ts')
      ? [file, join('build', file), file.replace(/^src/, 'dist')].map((copy, index) =>
          index ? copy.replace(/\.ts$/, '.js') : copy,
        )
      : [file]

  return {
    compile,

    /** Runs a test file, or only its tests of these titles. */
    async test(file: string, only: readonly string[] = []): Promise<Outcome> {
      const compiled = join(folder, 'build/test', `${file}.test.js`)
      const patterns = [...new Set(only)].map(
        (title) => `--test-name-pattern=${title.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')}$`,
      )
      const options = [`--test-timeout=${STUCK_MS}`, '--test-reporter=tap', ...patterns]
      const output = await run(['--test', ...options, compiled])
      const lines = [...output.matchAll(/^ *(not ok|ok) \d+ - (.*?)$/gm)]
      const titles = (what: string) =>
        new Set(
          lines.filter(([, result]) => result === what).map(([, , title = '']) => untagged(title.replaceAll('\\', ''))),
        )
      return { passed: titles('ok'), failed: titles('not ok') }
    },

    /** Breaks the guard, does the work, and mends it again. @throws {Error} when the source does not hold what is to be broken. */
    async broken<Result>({ breaks }: Mutant, work: () => Promise<Result>): Promise<Result> {
      const files = [...new Set(breaks.map(({ file }) => file))].flatMap(copiesOf)
      const before = files.map((file) => ({ path: join(folder, file), text: readFileSync(join(folder, file)) }))
      try {
        for (const { file, from, to } of breaks) {
          const text = readFileSync(join(folder, file), 'utf8')
          if (text.split(from).length !== 2) throw new Error(`${file} does not hold exactly once: ${from}`)
          writeFileSync(
            join(folder, file),
            text.replace(from, () => to),
          )
        }
        await compile('--noCheck')
        return await work()
      } finally {
        for (const { path, text } of before) writeFileSync(path, text)
      }
    },
  }
}

export const makeFolder = (folder: string): void => {
  mkdirSync(folder, { recursive: true })
}

/** The packages that a production install brings, read from the lockfile, and the bill of materials that names them. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../../src/config/folders.ts'

type Locked = { version: string; license?: string; dev?: boolean; hasInstallScript?: boolean }
type Lock = { packages: Record<string, Locked> }

export type RuntimePackage = { folder: string; name: string } & Omit<Locked, 'dev'>

const readJson = <T>(file: string): T => JSON.parse(readFileSync(join(ROOT, file), 'utf8'))

/** What `npm ci --omit=dev` installs on any system. */
export const runtimePackages = (): RuntimePackage[] =>
  Object.entries(readJson<Lock>('package-lock.json').packages).flatMap(([folder, { dev, ...locked }]) =>
    folder === '' || dev ? [] : [{ folder, name: folder.replace(/.*node_modules\//, ''), ...locked }],
  )

/**
 * The bill of materials in CycloneDX. `npm sbom --omit dev` leaves out each package that something of the tests wants too (npm
 * 11.19: jose, pg, zod and forty more), so npm is shown a lockfile in which there are no tests.
 */
export function billOfMaterials(): string {
  const { devDependencies: _, ...wanted } = readJson<{ devDependencies: unknown; name: string }>('package.json')
  const lock = readJson<Lock>('package-lock.json')
  const packages = Object.fromEntries(Object.entries(lock.packages).filter(([, { dev }]) => !dev))
  const folder = mkdtempSync(join(tmpdir(), 'matricula-sbom-'))
  // npm calls the program by the name of its folder.
  const project = join(folder, wanted.name)
  try {
    mkdirSync(project)
    writeFileSync(join(project, 'package.json'), JSON.stringify(wanted))
    writeFileSync(
      join(project, 'package-lock.json'),
      JSON.stringify({ ...lock, packages: { ...packages, '': { ...packages[''], devDependencies: {} } } }),
    )
    return execFileSync('npm', ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'], {
      cwd: project,
      encoding: 'utf8',
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

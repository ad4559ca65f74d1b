/** A real Chromium: the one named by CHROMIUM_PATH, one that is installed, or else the one inside an npm package. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { type Browser, chromium, type Page } from 'playwright-core'
import type { Person } from './people.ts'

const INSTALLED = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/** No sandbox: it is not to be had for root and on many machines, and these pages are our own. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
]

/** What the test files need in their environment to start a browser. Unpacks one when none is installed. */
export async function browserEnvironment(): Promise<Record<string, string>> {
  const installed = [process.env.CHROMIUM_PATH, ...INSTALLED].find((path) => path !== undefined && existsSync(path))
  if (installed !== undefined) return { CHROMIUM_PATH: installed }

  // A folder for each user, since nobody can run what another user owns, and anew if an earlier run was cut off.
  const folder = join(tmpdir(), `matricula-chromium-${process.getuid?.() ?? 'user'}`)
  const complete = join(folder, 'complete')
  if (!existsSync(complete)) rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true, mode: 0o700 })

  const { TMPDIR } = process.env
  process.env.TMPDIR = folder
  // With this set, the package brings its own system libraries, which a bare machine lacks.
  process.env.AWS_EXECUTION_ENV ??= 'AWS_Lambda_nodejs22.x'
  const { default: packaged } = await import('@sparticuz/chromium')
  const path = await packaged.executablePath()
  if (TMPDIR === undefined) delete process.env.TMPDIR
  else process.env.TMPDIR = TMPDIR
  // The package's own list of font folders names places of another system, and text without a font is not laid out.
  writeFileSync(join(folder, 'fonts.conf'), fontsIn([join(folder, 'fonts'), '/usr/share/fonts'], folder))
  writeFileSync(complete, '')
  return {
    CHROMIUM_PATH: path,
    LD_LIBRARY_PATH: process.env.LD_LIBRARY_PATH ?? '',
    FONTCONFIG_PATH: folder,
  }
}

const fontsIn = (directories: string[], cache: string): string => `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
${directories.map((directory) => `  <dir>${directory}</dir>`).join('\n')}
  <cachedir>${join(cache, 'font-cache')}</cachedir>
</fontconfig>
`

/** Started for one test file and closed after it. */
export async function startBrowser(): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? '',
    args: ARGUMENTS,
    headless: true,
  })
  after(() => browser.close())
  return browser
}

/** Fills in the login page that is open and presses its button. */
export async function sendLogin(
  page: Page,
  { email, password }: Pick<Person, 'email' | 'password'>,
  { remember } = { remember: false },
): Promise<void> {
  await page.getByLabel('Email address').fill(email)
  await page.getByLabel('Password', { exact: true }).fill(password)
  if (remember) await page.getByLabel('Keep me signed in').check()
  await page.getByRole('button', { name: 'Log in' }).click()
}

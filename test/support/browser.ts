/** A real Chromium: the one at CHROMIUM_PATH, else an installed one, else the one from an npm package. */
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

/** No sandbox: it does not work for root or on many machines, and we only open our own pages. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-gpu-compositing',
  '--in-process-gpu',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
]

/** The environment variables that test files need to start a browser. Unpacks a browser if none is installed. */
export async function browserEnvironment(): Promise<Record<string, string>> {
  const installed = [process.env.CHROMIUM_PATH, ...INSTALLED].find((path) => path !== undefined && existsSync(path))
  if (installed !== undefined) return { CHROMIUM_PATH: installed }

  // One folder per user, since a user cannot run what another one owns. Unpack again if an earlier run was interrupted.
  const folder = join(tmpdir(), `matricula-chromium-${process.getuid?.() ?? 'user'}`)
  const complete = join(folder, 'complete')
  if (!existsSync(complete)) rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true, mode: 0o700 })

  const { TMPDIR } = process.env
  process.env.TMPDIR = folder
  // With this set, the package also unpacks its own system libraries, which a minimal machine lacks.
  process.env.AWS_EXECUTION_ENV ??= 'AWS_Lambda_nodejs22.x'
  const { default: packaged } = await import('@sparticuz/chromium')
  const path = await packaged.executablePath()
  if (TMPDIR === undefined) delete process.env.TMPDIR
  else process.env.TMPDIR = TMPDIR
  // The package's own fonts.conf names folders of another system. Without a font, Chromium does not lay out text.
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

/** Starts a browser for one test file and closes it afterwards. */
export async function startBrowser(): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? '',
    args: ARGUMENTS,
    headless: true,
  })
  after(() => browser.close())
  return browser
}

/** Fills in the open login page and presses its button. */
export async function sendLogin(
  page: Page,
  { email, password }: Pick<Person, 'email' | 'password'>,
  { remember } = { remember: false },
): Promise<void> {
  await page.getByLabel('Email address').fill(email)
  await page.getByLabel('Password', { exact: true }).fill(password)
  if (remember) await page.getByLabel('Keep me logged in').check()
  await page.getByRole('button', { name: 'Log in' }).click()
}

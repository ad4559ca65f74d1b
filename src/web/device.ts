/** What a request says of the device it comes from, and what people call such a device. */
import type { Request } from 'express'
import type { Device } from '../accounts/activity.ts'

const USER_AGENT_MAX_LENGTH = 300

export const deviceOf = (req: Request): Device => ({
  ipAddress: req.ip ?? '',
  userAgent: (req.get('User-Agent') ?? '').slice(0, USER_AGENT_MAX_LENGTH),
})

/** The first that fits counts: most browsers also claim to be those that came before them. */
const BROWSERS: [pattern: RegExp, name: string][] = [
  [/\bEdg(e|A|iOS)?\//, 'Edge'],
  [/\bOPR\/|Opera/, 'Opera'],
  [/SamsungBrowser\//, 'Samsung Internet'],
  [/Firefox\/|FxiOS\//, 'Firefox'],
  [/HeadlessChrome\/|Chrome\/|CriOS\//, 'Chrome'],
  [/Safari\//, 'Safari'],
  [/w3m\//, 'w3m'],
  [/Lynx\//, 'Lynx'],
  [/curl\//, 'curl'],
  [/python/i, 'Python'],
  [/^node\b|undici/i, 'Node.js'],
]

const SYSTEMS: [pattern: RegExp, name: string][] = [
  [/iPhone/, 'iPhone'],
  [/iPad/, 'iPad'],
  [/Android/, 'Android'],
  [/CrOS/, 'ChromeOS'],
  [/Windows/, 'Windows'],
  [/Mac OS X|Macintosh/, 'Mac'],
  [/Linux|X11/, 'Linux'],
]

/** For example “Chrome on Android”; nothing is guessed beyond what the browser calls itself. */
export function deviceName(userAgent: string): string {
  const named = (list: [RegExp, string][]) => list.find(([pattern]) => pattern.test(userAgent))?.[1]
  const [browser, system] = [named(BROWSERS), named(SYSTEMS)]
  if (browser && system) return `${browser} on ${system}`
  return browser ?? (system ? `A browser on ${system}` : 'An unknown device')
}

/** The metrics as Prometheus reads them. */
import assert from 'node:assert/strict'
import { bearer } from './api.ts'
import { exchange } from './raw-http.ts'

export const METRICS_TOKEN = 'a-token-for-the-metrics-0123456789abcd'

export type Sample = { name: string; labels: Record<string, string>; value: number }

/** Every sample of a text in Prometheus' format. */
export function samplesOf(text: string): Sample[] {
  return text.split('\n').flatMap((line) => {
    const [, name, inner = '', value] = /^([a-z_:][\w:]*)(?:\{(.*)\})? (\S+)$/i.exec(line) ?? []
    if (name === undefined) return []
    const labels = [...inner.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label = '', text = '']) => [label, text])
    return [{ name, labels: Object.fromEntries(labels), value: Number(value) }]
  })
}

/** The text of the metrics of a site. */
export async function scrape(app: { port: number }, token: string | undefined = METRICS_TOKEN): Promise<string> {
  const { status, text } = await exchange(app, '/metrics', { headers: token === undefined ? {} : bearer(token) })
  assert.equal(status, 200, text)
  return text
}

/** The sum of the samples of this name with these labels; undefined if there is none. */
export function figure(text: string, name: string, labels: Record<string, string> = {}): number | undefined {
  const found = samplesOf(text).filter(
    (one) => one.name === name && Object.entries(labels).every(([label, value]) => one.labels[label] === value),
  )
  return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0)
}

/** The alerts and the dashboard in `docs`: they go by metrics that there are, and Prometheus understands them. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { ROOT } from '../../src/config/folders.ts'
import { startApp } from '../support/app.ts'
import { read } from '../support/imports.ts'
import { METRICS_TOKEN, scrape } from '../support/metrics.ts'
import { learner, openBrowser } from '../support/people.ts'

const promtool = (args: string[], input = '') =>
  spawnSync('promtool', args, { cwd: ROOT, input, encoding: 'utf8', timeout: 60_000 })

const isThere = promtool(['--version']).error === undefined
if (!isThere) console.log('The tests with promtool are left out: Prometheus is not installed.')
const skip = !isThere && 'promtool is not installed'

const folder = mkdtempSync(join(tmpdir(), 'matricula-alerts-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** @throws with what promtool has found. */
function accepts(args: string[], input?: string): void {
  const { status, stdout, stderr } = promtool(args, input)
  assert.equal(status, 0, `${stdout}${stderr}`)
}

type Panel = {
  id: number
  type: string
  title: string
  description?: string
  gridPos: Record<'x' | 'y' | 'w' | 'h', number>
}
type Target = { refId: string; expr: string; legendFormat: string }
type Dashboard = {
  panels: (Panel & {
    targets?: Target[]
    datasource?: { type: string; uid: string }
    fieldConfig?: { defaults: { unit: string } }
  })[]
  templating: { list: { name: string }[] }
  schemaVersion: number
}

const alerts = read('docs/alerts.yml')
const dashboard: Dashboard = JSON.parse(read('docs/grafana.json'))
const charts = dashboard.panels.filter(({ type }) => type !== 'row')
/** As Grafana sends them. */
const expressions = charts.flatMap(({ targets = [] }) =>
  targets.map(({ expr }) => expr.replaceAll('$job', 'matricula').replaceAll('$__rate_interval', '5m')),
)

const PARTS = /_(bucket|count|sum)$/
const metricsIn = (text: string): Set<string> =>
  new Set(
    [...text.matchAll(/\b(up|(?:matricula|http|nodejs|process)_[a-z0-9_]+)\b/g)].map(([name]) =>
      name.replace(PARTS, ''),
    ),
  )

const app = await startApp({ METRICS_TOKEN })
const { person } = await learner(app, 'Ada')
await openBrowser(app).logIn({ ...person, password: 'not the right one' })
const text = await scrape(app)
const offered = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name))

describe('the metrics', () => {
  it('are well-formed for Prometheus', { skip }, () => accepts(['check', 'metrics'], text))

  it('say what they mean, in a sentence', () => {
    const helps = [...text.matchAll(/^# HELP (matricula_\S+|http_\S+) (.*)$/gm)]
    assert.ok(helps.length > 20, `${helps.length} found`)
    for (const [, name, help = ''] of helps) assert.match(help, /^[A-Z].{10,}\.$/, name)
  })

  it('of our own are all on the dashboard', () => {
    const own = [...offered].filter((name) => /^(matricula|http)_/.test(name))
    const shown = metricsIn(expressions.join('\n'))
    assert.deepEqual(
      own.filter((name) => !shown.has(name)),
      [],
    )
  })
})

describe('docs/alerts.yml', () => {
  const names = [...alerts.matchAll(/- alert: (\w+)/g)].map(([, name = '']) => name)

  it('is understood by Prometheus', { skip }, () => accepts(['check', 'rules', 'docs/alerts.yml']))

  it('is heard when it should be, and not otherwise', { skip }, () =>
    accepts(['test', 'rules', 'test/telemetry/alerts.yml']),
  )

  it('has no alert that is not tried in both ways', () => {
    const tried = read('test/telemetry/alerts.yml')
    const [, quiet = '', loud = ''] = tried.split(/^ {2}- name: /m)
    for (const name of names) {
      assert.ok(quiet.includes(`alertname: ${name},`), `${name} is quiet`)
      assert.match(loud, new RegExp(`alertname: ${name}\\n +eval_time: \\S+\\n +exp_alerts:`), `${name} is heard`)
    }
    assert.ok(names.length > 8, `${names.length} found`)
  })

  it('asks for metrics that there are, and says what to do', () => {
    const strange = [...metricsIn(alerts)].filter((name) => name !== 'up' && !offered.has(name))
    assert.deepEqual(strange, [])
    assert.equal(alerts.match(/^ +action: /gm)?.length, names.length)
    assert.equal(alerts.match(/^ +summary: /gm)?.length, names.length)
  })

  it('are explained in the operations page, each of them', () => {
    const page = read('docs/operations.md')
    assert.deepEqual(
      names.filter((name) => !page.includes(`\`${name}\``)),
      [],
    )
  })
})

describe('docs/grafana.json', () => {
  it('has only expressions that Prometheus understands', { skip }, () => {
    const rules = expressions.map((expr, index) => `  - record: panel:${index}\n    expr: ${JSON.stringify(expr)}`)
    const file = join(folder, 'rules.yml')
    writeFileSync(file, `groups:\n- name: panels\n  rules:\n${rules.join('\n')}\n`)
    accepts(['check', 'rules', file])
  })

  it('asks for metrics that there are', () => {
    assert.ok(expressions.length > 25, `${expressions.length} found`)
    const strange = [...metricsIn(expressions.join('\n'))].filter((name) => name !== 'up' && !offered.has(name))
    assert.deepEqual(strange, [])
  })

  it('has panels as Grafana takes them: each with an id, a place of its own, a unit and words', () => {
    assert.ok(dashboard.schemaVersion >= 36)
    assert.deepEqual(
      dashboard.templating.list.map(({ name }) => name),
      ['datasource', 'job'],
    )
    assert.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length)
    const taken = new Set<string>()
    for (const { title, gridPos } of dashboard.panels) {
      assert.ok(gridPos.x + gridPos.w <= 24, title)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          assert.ok(!taken.has(`${x} ${y}`), `${title} covers another panel`)
          taken.add(`${x} ${y}`)
        }
      }
    }
    for (const { title, description = '', targets = [], datasource, fieldConfig } of charts) {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's own way to name a variable
      assert.deepEqual(datasource, { type: 'prometheus', uid: '${datasource}' }, title)
      assert.match(description, /\.$/, title)
      assert.ok(fieldConfig?.defaults.unit, title)
      assert.ok(targets.length > 0, title)
      for (const { expr, legendFormat } of targets) {
        assert.match(expr, /job="\$job"/, title)
        assert.notEqual(legendFormat, '', title)
      }
      assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, title)
    }
  })
})

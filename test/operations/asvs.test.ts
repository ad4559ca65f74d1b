/** docs/asvs.md: an answer to each requirement of OWASP ASVS 5.0 at levels 1 and 2, and tests that exist behind it. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readPage, sectionsOf } from '../support/page.ts'
import { faultOf, referencesIn } from '../support/shown-by.ts'

/** The level of each requirement, in the order of its section: 1.2.6 is the sixth of `1.2`. */
const LEVELS: Record<string, string> = {
  ...{ '1.1': '22', '1.2': '1111122223', '1.3': '112222222223', '1.4': '222', '1.5': '123' },
  ...{ '2.1': '122', '2.2': '112', '2.3': '12223', '2.4': '23' },
  ...{ '3.1': '3', '3.2': '113', '3.3': '12223', '3.4': '11222233', '3.5': '11122333', '3.6': '3', '3.7': '22333' },
  ...{ '4.1': '12233', '4.2': '23333', '4.3': '22', '4.4': '1222' },
  ...{ '5.1': '2', '5.2': '112333', '5.3': '113', '5.4': '222' },
  ...{ '6.1': '122', '6.2': '111111112222', '6.3': '11223333', '6.4': '112233' },
  ...{ '6.5': '22222333', '6.6': '2223', '6.7': '33', '6.8': '2222' },
  ...{ '7.1': '222', '7.2': '1111', '7.3': '22', '7.4': '11222', '7.5': '223', '7.6': '22' },
  ...{ '8.1': '1233', '8.2': '1123', '8.3': '133', '8.4': '23' },
  ...{ '9.1': '111', '9.2': '1222' },
  ...{ '10.1': '22', '10.2': '223', '10.3': '22223', '10.4': '1111122222233333' },
  ...{ '10.5': '22222', '10.6': '22', '10.7': '222' },
  ...{ '11.1': '2233', '11.2': '22233', '11.3': '11233', '11.4': '1222', '11.5': '23', '11.6': '23', '11.7': '33' },
  ...{ '12.1': '12233', '12.2': '11', '12.3': '22223' },
  ...{ '13.1': '2333', '13.2': '222223', '13.3': '2233', '13.4': '1222233' },
  ...{ '14.1': '22', '14.2': '12223333', '14.3': '122' },
  ...{ '15.1': '12233', '15.2': '12233', '15.3': '1222222', '15.4': '3333' },
  ...{ '16.1': '2', '16.2': '22222', '16.3': '2222', '16.4': '222', '16.5': '2223' },
  ...{ '17.1': '23', '17.2': '22223333', '17.3': '22' },
}

/** As many as the standard says of itself. */
const COUNTS = { 1: 70, 2: 183, 3: 92 }

/** The parts of NIST SP 800-63B-4 about passwords and sessions. */
const NIST = /^(3\.1\.1\.[12]|5\.1|5\.1\.[12]|5\.2|5\.3)( .+)?$/

const requirements = Object.entries(LEVELS).flatMap(([section, levels]) =>
  [...levels].map((level, index) => ({ id: `${section}.${index + 1}`, level })),
)
const page = readPage('docs/asvs.md')

type Answer = { id: string; level: string; asks: string; kind: string; reason: string; tests: string }

const ANSWER =
  /^- \*\*(.+?)\*\*(?:, level (\d))?: (.+?)\. \*\*(Met|Not applicable|Deviation)\*\*(?:: (.+))?\n((?: {2}- .+\n)*)/gm

const answersIn = (text: string): Answer[] =>
  [...text.matchAll(ANSWER)].map(([, id = '', level = '', asks = '', kind = '', reason = '', tests = '']) => ({
    id,
    level,
    asks,
    kind,
    reason,
    tests,
  }))

const partOf = (heading: string): string => page.split(/^## /m).find((part) => part.startsWith(heading)) ?? ''
const asvs = answersIn(partOf('ASVS 5.0'))
const nist = answersIn(partOf('NIST'))

/** What is wrong with an answer: no test behind “met”, no reason behind anything else, or tests that are not there. */
function faultsOf({ kind, reason, tests }: Pick<Answer, 'kind' | 'reason' | 'tests'>): string[] {
  const lines = tests.split('\n').filter((line) => line !== '')
  const within = referencesIn(reason).filter(({ file }) => file.includes('/'))
  const below = lines.flatMap((line) => {
    const references = referencesIn(line)
    return references.length === 1 && references[0]?.title !== undefined ? references : []
  })
  const faults = [...within, ...below].flatMap((reference) => faultOf(reference) ?? [])
  if (below.length < lines.length) faults.push('a line below names no test')
  if (kind === 'Met' && below.length === 0 && !/\]\([^)]+\)/.test(reason)) faults.push('nothing shows it')
  if (kind !== 'Met' && reason.length < 7) faults.push('no reason')
  return faults
}

const faultsIn = (text: string): string[] => answersIn(`${text}\n`).flatMap(faultsOf)

describe('docs/asvs.md', () => {
  it('knows the requirements of the standard', () => {
    for (const [level, count] of Object.entries(COUNTS))
      assert.equal(requirements.filter((one) => one.level === level).length, count, `level ${level}`)
  })

  it('has each one of levels 1 and 2 once, in their order, with its level', () => {
    assert.deepEqual(
      asvs.map(({ id, level }) => `${id} ${level}`),
      requirements.filter(({ level }) => level !== '3').map(({ id, level }) => `${id} ${level}`),
    )
  })

  it('answers each: met, with a test that is there, or why not', () => {
    assert.deepEqual(
      asvs.flatMap((answer) => faultsOf(answer).map((fault) => `${answer.id}: ${fault}`)),
      [],
    )
  })

  it('answers NIST SP 800-63B-4 for passwords and sessions in the same way', () => {
    const places = nist.map(({ id }) => id)
    for (const place of places) assert.match(place, NIST)
    assert.equal(new Set(places).size, places.length)
    for (let point = 1; point <= 9; point += 1) assert.ok(places.includes(`3.1.1.2 (${point})`), `point ${point}`)
    for (const section of ['3.1.1.1', '5.1 (1)', '5.1.1 (1)', '5.1.2', '5.2 limits', '5.3'])
      assert.ok(places.includes(section), section)
    assert.deepEqual(
      nist.flatMap((answer) => faultsOf(answer).map((fault) => `${answer.id}: ${fault}`)),
      [],
    )
  })

  it('has no line in its lists that is not such an answer', () => {
    const lines = [...`${partOf('ASVS 5.0')}${partOf('NIST')}`.matchAll(/^- /gm)]
    assert.equal(lines.length, asvs.length + nist.length)
  })

  it('counts its answers as they are', () => {
    const [, met, not, deviations] = /(\d+) are met, (\d+) do not apply, and (\d+) deviate/.exec(page) ?? []
    const of = (kind: string) => asvs.filter((answer) => answer.kind === kind).length
    assert.deepEqual([met, not, deviations].map(Number), [of('Met'), of('Not applicable'), of('Deviation')])
  })

  it('writes down what the standard wants written down', () => {
    const headings = sectionsOf(page).map(({ heading }) => heading)
    for (const heading of ['Sessions', 'Cryptography', 'Data', 'Packages', 'Logs'])
      assert.ok(headings.includes(heading))
  })
})

describe('the check of such answers', () => {
  const HEAD = '- **1.1.1**, level 2: something is done.'

  it('sees what is missing', () => {
    assert.deepEqual(faultsIn(`${HEAD} **Met**\n  - \`operations/asvs\` › sees what is missing`), [])
    assert.match(faultsIn(`${HEAD} **Met**\n  - \`operations/asvs\` › sees nothing`).join(), /no test “sees nothing”/)
    assert.match(faultsIn(`${HEAD} **Met**\n  - \`operations/nowhere\` › sees`).join(), /there is no test/)
    assert.deepEqual(faultsIn(`${HEAD} **Met**\n  - operations`), ['a line below names no test', 'nothing shows it'])
    assert.deepEqual(faultsIn(`${HEAD} **Met**: of course`), ['nothing shows it'])
    assert.deepEqual(faultsIn(`${HEAD} **Deviation**\n  - \`operations/asvs\` › sees what is missing`), ['no reason'])
    assert.deepEqual(answersIn(`${HEAD} Perhaps\n`), [])
  })

  it('takes a title with the tag of a ledger as the same title', () => {
    assert.deepEqual(faultsIn(`${HEAD} **Met**\n  - \`operations/asvs\` › [X01] sees what is missing`), [])
  })
})

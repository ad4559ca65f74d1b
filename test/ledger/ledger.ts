/** Rows, the tests that show them, and the reasons of those that do not apply: what is wrong, and the page. */
import type { Section } from './rows.ts'
import type { Tag } from './tags.ts'

export type Ledger = { sections: Section[]; tags: Tag[]; reasons: Record<string, string> }

/** What the ledger lacks, or says without ground: a line for each. */
export function gapsIn({ sections, tags, reasons }: Ledger): string[] {
  const ids = sections.flatMap(({ rows }) => rows.map(({ id }) => id))
  const known = new Set(ids)
  const shown = new Set(tags.flatMap((tag) => tag.ids))
  return [
    ...ids.filter((id, at) => ids.indexOf(id) !== at).map((id) => `${id} stands there twice`),
    ...ids
      .filter((id) => !shown.has(id) && !(id in reasons))
      .map((id) => `${id} is shown by no test and has no reason`),
    ...tags.flatMap((tag) =>
      tag.ids.filter((id) => !known.has(id)).map((id) => `${id} is no row: ${tag.file}: ${tag.name}`),
    ),
    ...Object.keys(reasons)
      .filter((id) => !known.has(id))
      .map((id) => `${id} is no row and has a reason`),
    ...Object.keys(reasons)
      .filter((id) => shown.has(id))
      .map((id) => `${id} has a reason and a test that shows it`),
  ]
}

const HEAD = `# Attacks and faults, and what shows the outcome

Each row is one request or one fault, and what must be true after it. Where a row does not say more: without the token of a
form 403; input that cannot be used 422 on a page and 400 in the API (\`{code, message}\`); without a session 303 to
\`/login?next=…\` on a page and 401 in the API; over a limit 429 with \`Retry-After\`; overload or no database 503 with
\`Retry-After\`; never 500, no stack, the database unchanged, the security headers present.

Written by \`npm run -s ledger\` from the titles of the tests, which begin with the ids of the rows they show. The rows are in
\`test/ledger/rows\`. A test fails while a row has neither a test nor a reason, and while this page is older than the titles.
`

/** Titles are text: nothing in them is a table, a tag or emphasis. */
const asText = (title: string): string => title.replace(/[|*_<[\]]/g, '\\$&').replaceAll('\\\\|', '\\|')

function shownBy({ tags, reasons }: Ledger, id: string): string {
  const reason = reasons[id]
  if (reason !== undefined) return `does not apply: ${reason}`
  const showing = tags.filter((tag) => tag.ids.includes(id))
  return showing
    .map(({ file, name }) => `[${file.slice('test/'.length, -'.test.ts'.length)}](../${file}): ${asText(name)}`)
    .join('<br>')
}

/** The text of `docs/threats.md`. */
export function pageOf(ledger: Ledger): string {
  const parts = ledger.sections.map(({ letter, title, note, rows }) => {
    const lines = rows.map(({ id, done, outcome }) => `| ${id} | ${done} | ${outcome} | ${shownBy(ledger, id)} |`)
    const table = ['| id | send, do | safe outcome | shown by |', '| --- | --- | --- | --- |', ...lines]
    return `## ${letter}. ${title}\n\n${note === '' ? '' : `${note}\n\n`}${table.join('\n')}\n`
  })
  return [HEAD, ...parts].join('\n')
}

/** How many bytes a learner takes in the database, table by table. */
import postgres from 'postgres'
import { markdown, rounded } from '../figures.ts'

/** Of the tables that have rows, with their indexes. */
export async function sizes(databaseUrl: string, learners: number): Promise<string> {
  const client = postgres(databaseUrl, { max: 1 })
  try {
    const tables = await client<{ name: string; rows: number; heap: number; indexes: number }[]>`
      select relname as name, reltuples::float8 as rows,
        pg_table_size(oid)::float8 as heap, pg_indexes_size(oid)::float8 as indexes
      from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace and reltuples >= ${learners / 10}
      order by pg_total_relation_size(oid) desc`
    const lines = tables.map(({ name, rows, heap, indexes }) =>
      [name, rows, heap / rows, indexes / rows, (heap + indexes) / learners].map((cell) =>
        typeof cell === 'string' ? cell : rounded(cell),
      ),
    )
    const all = tables.reduce((sum, { heap, indexes }) => sum + heap + indexes, 0)
    const head = ['table', 'rows', 'bytes of a row', 'bytes of its indexes', 'bytes for a learner']
    return markdown(head, [...lines, ['all', '', '', '', rounded(all / learners)]], 1)
  } finally {
    await client.end({ timeout: 5 })
  }
}

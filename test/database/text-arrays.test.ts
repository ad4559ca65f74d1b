/** Arrays of texts come back from the database unchanged. */
import assert from 'node:assert/strict'
import { after, it } from 'node:test'
import { createDb } from '../../src/database/database.ts'
import { createDatabase } from '../support/database.ts'

const ARRAYS: string[][] = [
  [],
  [''],
  ['python', 'cpp'],
  ['a,b', '{c}', ' d ', 'null', 'NULL'],
  ['"quoted"', 'back\\slash', '\\"', '"', '\\', "it's"],
  ['line\nbreak', 'tab\t', '👩‍🚀 日本語'],
]

const url = await createDatabase()
for (const prepare of [true, false]) {
  const db = createDb({ url: prepare ? url : `${url}?pgbouncer=true`, poolMax: 1 })
  after(() => db.close())
  for (const texts of ARRAYS) {
    it(`${JSON.stringify(texts)}${prepare ? '' : ' through a pooler'}`, async () => {
      const [row] = await db.sql<{ same: string[]; members: string }>`
        select ${texts}::text[] as same, array_to_json(${texts}::text[])::text as members`
      assert.deepEqual(row?.same, texts)
      assert.deepEqual(JSON.parse(row?.members ?? ''), texts)
    })
  }
}

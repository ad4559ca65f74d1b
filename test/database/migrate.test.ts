/** A migration that fails says where, and leaves nothing behind. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import postgres from 'postgres'
import { migrate } from '../../src/database/migrate.ts'
import { createEmptyDatabase } from '../support/database.ts'

const FAILURES: { name: string; text: string; says: RegExp }[] = [
  {
    name: 'a typing error',
    text: '-- One\ncreate table one (id int);\n\ncreate tabel two (id int);\n',
    says: /002\.do\.broken\.sql, line 4: syntax error at or near "tabel"\. Nothing was applied\.$/,
  },
  {
    name: 'a table that is not there',
    text: 'create table one (id int);\ninsert into\n  nowhere values (1);\n',
    says: /002\.do\.broken\.sql, line 3: relation "nowhere" does not exist\. Nothing was applied\.$/,
  },
  {
    name: 'a row that does not fit, which has no place in the text',
    text: 'create table one (id int not null);\ninsert into one values (null);\n',
    says: /002\.do\.broken\.sql: null value in column "id".* Nothing was applied\.$/,
  },
]

describe('a migration that fails', () => {
  for (const { name, text, says } of FAILURES) {
    it(`names its file and line: ${name}`, async () => {
      const directory = await mkdtemp(join(tmpdir(), 'matricula-migrations-'))
      after(() => rm(directory, { recursive: true, force: true }))
      await writeFile(join(directory, '001.do.good.sql'), 'create table good (id int);\n')
      await writeFile(join(directory, '002.do.broken.sql'), text)
      const url = await createEmptyDatabase()
      await assert.rejects(migrate(url, directory), says)
      const client = postgres(url, { max: 1, onnotice: () => {} })
      after(() => client.end())
      const [found] = await client`select to_regclass('good') as good, to_regclass('one') as one`
      assert.deepEqual({ ...found }, { good: null, one: null })
    })
  }
})

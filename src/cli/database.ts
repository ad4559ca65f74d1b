/** The database itself: its schema, and the role that reads learners. */

import { filesBeyond, migrate, NEWEST_SCHEMA, schemaVersion } from '../database/migrate.ts'
import { isRoleName, makeReader, READER } from '../database/reader.ts'
import { command } from './frame/command.ts'
import { Failure, UsageError } from './frame/exits.ts'

const up = (name: string) =>
  command({
    name,
    summary: "bring the database's schema up to date",
    details:
      'All that is missing is applied together or not at all. It is safe to run twice, and from two places at once.',
    changes: true,
    run: async ({ database, audited, out }) => {
      const { migrationUrl } = await database()
      const applied = await migrate(migrationUrl)
      // Only afterwards, since the table of these notes may be among what was missing.
      if (applied > 0) await audited({ details: { applied, version: NEWEST_SCHEMA } }, async () => {})
      out.say(`${applied} applied, the schema is at version ${NEWEST_SCHEMA}`)
    },
  })

const status = command({
  name: 'migrate status',
  summary: 'the version of the schema, and what is missing',
  details: 'Ends with 78 if something is missing, so that a script can ask.',
  json: true,
  run: async ({ deps, out }) => {
    const version = await schemaVersion((await deps()).sql)
    const pending = filesBeyond(version)
    out.tell({ version, newest: NEWEST_SCHEMA, pending }, () => [
      `The schema is at version ${version}, this program needs ${NEWEST_SCHEMA}${version > NEWEST_SCHEMA ? ' and works with newer ones' : ''}.`,
      ...pending.map((file) => `  missing: ${file}`),
    ])
    if (pending.length > 0) throw new Failure('configuration', `Run: node dist/cli.js migrate up`)
  },
})

const reader = command({
  name: 'db reader',
  summary: 'make the database role that reads learners, and print its address once',
  details: 'Of a role that is there, it grants what is missing and leaves password and settings alone.',
  arguments: { role: { what: `its name; without it, ${READER}`, optional: true } },
  changes: true,
  run: async ({ database, audited, args: { role = READER }, out }) => {
    if (!isRoleName(role)) throw new UsageError('A role has small letters, digits and underscores, 63 at most.')
    const { url, migrationUrl } = await database()
    const password = await audited({ whom: role }, () => makeReader(migrationUrl, role))
    if (password === undefined)
      return out.say(`The role ${role} is there and reads what it should. Its password is as it was.`)
    const address = new URL(url)
    Object.assign(address, { username: role, password })
    out.print(address.href)
  },
})

export const DATABASE = [up('migrate'), up('migrate up'), status, reader]

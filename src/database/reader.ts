/** The role by which a backend reads learners in the database, and nothing else. */
import { randomBytes } from 'node:crypto'
import { asOwner } from './owner.ts'

export const READER = 'matricula_reader'
const PASSWORD_BYTES = 24

/** What makes the role, for `db reader` and for whoever runs it by hand as the owner of the tables. */
export const READER_SQL = `\
-- A role that reads these columns of the learners and nothing else. Run it as the owner of the tables.
create role matricula_reader login connection limit 20;
alter role matricula_reader set default_transaction_read_only = on;
alter role matricula_reader set statement_timeout = '5s';
grant usage on schema public to matricula_reader;
grant select (id, name, email, email_verified, image, created_at, updated_at) on users to matricula_reader;
grant select (user_id, software_experience, programming_languages, skill_level, hardware_access, primary_focus,
  project_goals, project_goals_text, saved_at) on profiles to matricula_reader;
`

export const isRoleName = (text: string): boolean => /^[a-z_][a-z0-9_]{0,62}$/.test(text)

/**
 * Makes the role and returns its password. If there is a role of this name, it is given what it may be lacking, its password
 * stays, and undefined is returned. The address is that of the owner of the tables.
 */
export function makeReader(url: string, role: string): Promise<string | undefined> {
  return asOwner(url, async (transaction) => {
    const [known] = await transaction`select 1 as known from pg_roles where rolname = ${role}`
    const named = READER_SQL.replaceAll(READER, `"${role}"`)
    if (known) {
      // Its own settings stay too: it may be somebody else's role, named by mistake.
      await transaction.unsafe(named.replace(/^(create|alter) role .*$/gm, ''))
      return undefined
    }
    const password = randomBytes(PASSWORD_BYTES).toString('base64url')
    await transaction.unsafe(`${named} alter role "${role}" password '${password}'`)
    return password
  })
}

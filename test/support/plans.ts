/** How PostgreSQL would answer a statement: what it would read as a whole for want of an index. */
import type { Sql } from 'postgres'
import type { Statement } from './proxy.ts'

/** The parts of a plan that matter here. */
type Plan = {
  'Node Type': string
  'Relation Name'?: string
  'Index Name'?: string
  'Index Cond'?: string
  Filter?: string
  Plans?: Plan[]
}

/** `firstColumn` is empty for an expression. */
type Index = { name: string; table: string; firstColumn: string; partial: boolean }

/** Rows enough that the planner chooses as in a busy database, and not as in an empty one. */
export async function fillTables(client: Sql): Promise<void> {
  await client.unsafe(`
    insert into users (id, name, email) select 'u' || n, 'Somebody', 'u' || n || '@example.org' from generate_series(1, 3000) n;
    insert into sessions (sid, sess, handle, expire)
      select 's' || n, json_build_object('userId', 'u' || 1 + n % 3000), 's' || n, now() + n * interval '1 minute'
      from generate_series(1, 6000) n;
    insert into token_status (status_index, ended_at)
      select n, now() + n * interval '1 minute' from generate_series(1, 3000) n on conflict do nothing;
    insert into deleted_users (id, deleted_at)
      select 'd' || n, now() + n * interval '1 minute' from generate_series(1, 3000) n;
    insert into refresh_families (id, session_handle, expires_at)
      select 'f' || n, 's' || n, now() + n * interval '1 minute' from generate_series(1, 3000) n;
    insert into refresh_tokens (token_hash, family, expires_at)
      select 't' || n, 'f' || 1 + n % 3000, now() + n * interval '1 minute' from generate_series(1, 9000) n;
    insert into rate_limits select 'l' || n, 1, n from generate_series(1, 6000) n;
    insert into profiles (user_id, began_at) select id, now() from users on conflict do nothing;
    insert into progress (user_id, lesson_id, state, updated_at)
      select id, 'f' || n, 'done', now() from users, generate_series(1, 3) n on conflict do nothing;
    insert into plans (user_id, weekly_hours, calendar_hash) select id, 4, 'c' || id from users on conflict do nothing;
    insert into outbox (id, kind, sealed, attempts, due_at, expires_at)
      select 'm' || n, 'notice', '', (n % 100 = 0)::int * 2, now() + n * interval '1 minute', now() + n * interval '2 minutes'
      from generate_series(1, 6000) n;
    insert into mail_outcomes (id, outcome, at)
      select 'm' || n, 'handed-over', now() + n * interval '1 minute' from generate_series(1, 6000) n;
    insert into email_tokens (token_hash, user_id, purpose, email, password_version, created_at, expires_at)
      select 'e' || n, 'u' || 1 + n % 3000, 'reset-password', 'u' || 1 + n % 3000 || '@example.org', 0, now(),
        now() + n * interval '1 minute'
      from generate_series(1, 6000) n;
    insert into activity (user_id, kind, at, ip_address, user_agent)
      select 'u' || 1 + n % 3000, 'logged-in', now() + n * interval '1 minute', '', '' from generate_series(1, 9000) n;
    insert into second_steps (user_id, sealed, created_at, confirmed_at)
      select id, '', now(), now() from users on conflict do nothing;
    insert into recovery_codes (user_id, code_hash)
      select id, 'r' || n from users, generate_series(1, 3) n on conflict do nothing;
    insert into login_tickets (ticket_hash, user_id, password_version, amr, remembered, next, expires_at)
      select 'k' || n, 'u' || 1 + n % 3000, 0, '{pwd}', false, '/', now() + n * interval '1 minute'
      from generate_series(1, 6000) n;
    insert into mailed_codes (request_hash, purpose, code_hash, link_hash, user_id, email, password_version, created_at, expires_at)
      select 'o' || n, 'sign-in', '', 'o' || n, 'u' || 1 + n % 3000, 'u' || 1 + n % 3000 || '@example.org', 0, now(),
        now() + n * interval '1 minute'
      from generate_series(1, 6000) n;
    insert into passkey_handles (user_id, handle) select id, 'h' || id from users on conflict do nothing;
    insert into passkeys (id, user_id, credential_id, public_key, sign_count, name, transports, backup_eligible, backed_up, aaguid, created_at)
      select 'y' || n, 'u' || 1 + n % 3000, 'y' || n, '', 0, '', '{}', false, false, '', now() from generate_series(1, 6000) n;
    insert into passkey_answers (challenge_hash, expires_at)
      select 'q' || n, now() + n * interval '1 minute' from generate_series(1, 6000) n;
    insert into audit (at, who, os_user, what, whom)
      select now() + n * interval '1 minute', 'ada', 'ada', 'keys rotate', 'u' || n from generate_series(1, 3000) n;
    analyze`)
}

/** The indexes that only make statements quick, and hold no rule. */
export async function namesOfPlainIndexes(client: Sql): Promise<string[]> {
  const rows = await client<{ name: string }[]>`
    select indexrelid::regclass::text as name from pg_index join pg_class t on t.oid = indrelid
    where t.relnamespace = 'public'::regnamespace and not indisunique order by name`
  return rows.map(({ name }) => name)
}

const indexesOf = (client: Sql): Promise<Index[]> => client<Index[]>`
  select named.relname as name, t.relname as table, coalesce(a.attname, '') as "firstColumn",
    i.indpred is not null as partial
  from pg_index i
  join pg_class named on named.oid = i.indexrelid
  join pg_class t on t.oid = i.indrelid
  left join pg_attribute a on a.attrelid = t.oid and a.attnum = i.indkey[0]
  where t.relnamespace = 'public'::regnamespace`

/** Something that a statement reads from end to end: a table, or an index without a condition on its first column. */
export type WholeReading = { table: string; what: string }

/** What each statement would read as a whole even if that were very dear. Takes a client of one connection. */
export async function wholeReadings(
  client: Sql,
  statements: readonly Statement[],
): Promise<{ statement: Statement; readings: WholeReading[] }[]> {
  const indexes = new Map((await indexesOf(client)).map((index) => [index.name, index]))
  // A plan for any values, as the server makes one for a statement that is used often.
  await client.unsafe(`set enable_seqscan = off; set plan_cache_mode = force_generic_plan`)
  const found: { statement: Statement; readings: WholeReading[] }[] = []
  for (const statement of statements) {
    found.push({ statement, readings: readingsOf(await planOf(client, statement), indexes) })
  }
  return found
}

async function planOf(client: Sql, { text, types }: Statement): Promise<Plan> {
  const names = await client<{ name: string }[]>`
    select case oid when 0 then 'unknown' else format_type(oid, null) end as name
    from unnest(${`{${types.join(',')}}`}::oid[]) with ordinality as type (oid, place) order by place`
  const list = (texts: readonly string[]) => (texts.length === 0 ? '' : `(${texts.join(', ')})`)
  await client.unsafe(`prepare it ${list(names.map(({ name }) => name))} as ${text}`)
  try {
    const [row] = await client.unsafe(`explain (format json) execute it ${list(types.map(() => 'null'))}`)
    if (row === undefined) throw new Error(`no plan for ${text}`)
    return row['QUERY PLAN'][0].Plan
  } finally {
    await client.unsafe('deallocate it')
  }
}

function readingsOf(plan: Plan, indexes: ReadonlyMap<string, Index>): WholeReading[] {
  const below = (plan.Plans ?? []).flatMap((part) => (endsEarly(plan, part) ? [] : readingsOf(part, indexes)))
  const own = wholeReadingBy(plan, indexes)
  return own === undefined ? below : [own, ...below]
}

/** Whether only the first entries of an index are read, as for a `min`. */
const endsEarly = (above: Plan, plan: Plan): boolean =>
  above['Node Type'] === 'Limit' &&
  plan['Index Name'] !== undefined &&
  plan.Filter === undefined &&
  plan['Index Cond'] === undefined

function wholeReadingBy(plan: Plan, indexes: ReadonlyMap<string, Index>): WholeReading | undefined {
  const { 'Node Type': type, 'Relation Name': table = '', 'Index Name': name, 'Index Cond': condition = '' } = plan
  if (type === 'Seq Scan') return { table, what: `all of ${table}` }
  const index = name === undefined ? undefined : indexes.get(name)
  // An index over a part of the table may be read as a whole: it holds just the rows that are wanted.
  if (index === undefined || index.partial) return undefined
  // A condition on a later column alone would skip through the whole index, which older versions of PostgreSQL cannot.
  if (new RegExp(`\\b${index.firstColumn}\\b`).test(condition)) return undefined
  return { table: index.table, what: `all of the index ${index.name}` }
}

/** Columns that refer to rows of another table, without an index to find them by when such a row is deleted. */
export async function unindexedReferences(client: Sql): Promise<string[]> {
  const rows = await client<{ reference: string }[]>`
    select conrelid::regclass || '.' || a.attname as reference
    from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
    where c.contype = 'f'
      and not exists (select from pg_index i where i.indrelid = c.conrelid and i.indkey[0] = c.conkey[1])`
  return rows.map(({ reference }) => reference)
}

-- A deleted account stays in `all_users` until its grace is over. `users` has only the accounts that are there, so every
-- statement that names it treats the others as gone, by itself. Foreign keys stay on the table.
alter table users rename to all_users;

alter table all_users
  -- When it is deleted for good, as its owner was told; null for an account that stays.
  add column delete_at timestamptz;

create index all_users_delete_at on all_users (delete_at) where delete_at is not null;

create view users as
  select id, name, email, email_verified, image, password_hash, sign_up_form, created_at, updated_at, password_version,
    onboarded_at, devices_version
  from all_users where delete_at is null;

-- Roles that were allowed to read or write `users` go on doing so, and see no more than that.
do $$
declare
  given record;
begin
  for given in
    select privilege_type as may, null as column_name, grantee
      from pg_class, aclexplode(relacl)
      where oid = 'all_users'::regclass and grantee <> relowner
        and privilege_type in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
    union all
    select privilege_type, quote_ident(attname), grantee
      from pg_attribute, aclexplode(attacl)
      where attrelid = 'all_users'::regclass and privilege_type in ('SELECT', 'INSERT', 'UPDATE')
  loop
    execute format('grant %s %s on users to %s', given.may, '(' || given.column_name || ')',
      case when given.grantee = 0 then 'public' else given.grantee::regrole::text end);
    execute format('revoke %s %s on all_users from %s', given.may, '(' || given.column_name || ')',
      case when given.grantee = 0 then 'public' else given.grantee::regrole::text end);
  end loop;
end $$;

-- The same for a role that may read answers. The owner of the tables, as which this program runs, is not asked.
alter table profiles enable row level security;
create policy of_users on profiles using (exists (select from users where users.id = profiles.user_id));

alter table email_tokens
  drop constraint email_tokens_purpose_check,
  add constraint email_tokens_purpose_check
    check (purpose in ('verify-email', 'change-email', 'reset-password', 'new-device', 'undo-deletion'));

-- As before, but of the accounts that are there.
create or replace view current_links as
  select t.token_hash from email_tokens t join users u on u.id = t.user_id
  where (t.purpose = 'change-email' or t.email = u.email)
    and (t.purpose = 'verify-email' or t.password_version = u.password_version)
    and not exists (
      select 1 from email_tokens newer
      where newer.user_id = t.user_id and newer.purpose = t.purpose and newer.id > t.id
    );

-- Whom a mail is for, as only this server can compute it, so that a deletion ends the mails that wait for its owner. Null in
-- the rows of an older version of this program.
alter table outbox add column recipient text;
create index outbox_recipient on outbox (recipient);

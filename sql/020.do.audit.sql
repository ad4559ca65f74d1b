-- What operators have changed, by which command. The note is written before the change, so that none goes without.
create table audit (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  -- As the operator has given it, and the user of the system that ran the command.
  who text not null,
  os_user text not null,
  -- The command.
  what text not null,
  -- What it was done to: the id of an account, a key, a mail. Null where there is no one thing.
  whom text,
  -- Without secrets and without addresses.
  details jsonb not null default '{}',
  -- Null while it is being done, or when it broke off in the middle.
  outcome text check (outcome in ('done', 'failed'))
);

create index audit_at on audit (at, id);
create index audit_whom on audit (whom, at, id) where whom is not null;

-- Mails that wait to be sent, written in the statement whose change they speak of. A mail that has been sent has no row.
create table outbox (
  id text primary key,
  -- What it is about, for the operator; `nothing` is sent to nobody, so that a request for an unknown address costs the same.
  kind text not null,
  -- Recipient, subject and text under the application's secret: links of mails open accounts.
  sealed text not null,
  attempts integer not null default 0,
  -- When it is to be sent next. Whoever takes it on sets this ahead, so that nobody else does.
  due_at timestamptz not null,
  -- After this it is of no use to anybody.
  expires_at timestamptz not null
);

create index outbox_due_at on outbox (due_at);

-- The links of mails: each for one purpose, one address and one use.
create table email_tokens (
  -- The order in which links were made, whatever clock their makers go by.
  id bigint generated always as identity,
  -- SHA-256: the table gives nobody a link.
  token_hash text primary key,
  user_id text not null references users (id) on delete cascade,
  purpose text not null check (purpose in ('verify-email', 'change-email', 'reset-password')),
  -- The address it was mailed to, which for a change is the new one.
  email text not null,
  -- A password that has been changed since takes the link along.
  password_version integer not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz,
  cancelled_at timestamptz
);

create index email_tokens_user_id on email_tokens (user_id, purpose);
create index email_tokens_expires_at on email_tokens (expires_at);

-- Links whose address and password are still the account's, the newest of each purpose: good, if unused and in time.
create view current_links as
  select t.token_hash from email_tokens t join users u on u.id = t.user_id
  where (t.purpose = 'change-email' or t.email = u.email)
    and (t.purpose = 'verify-email' or t.password_version = u.password_version)
    and not exists (
      select 1 from email_tokens newer
      where newer.user_id = t.user_id and newer.purpose = t.purpose and newer.id > t.id
    );

-- What happened to an account lately, for its owner.
create table activity (
  id bigint generated always as identity primary key,
  user_id text not null references users (id) on delete cascade,
  kind text not null,
  at timestamptz not null,
  ip_address text not null,
  user_agent text not null
);

create index activity_user_id on activity (user_id, id);
create index activity_at on activity (at);

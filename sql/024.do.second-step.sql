-- How the person of a session has shown who they are (RFC 8176). When is `created_at`. The default serves sessions that are
-- open already, and those that an older version of the program still makes.
alter table sessions add column amr text[] not null default '{pwd}';

-- Whether a login needs a second step. It stands in the row of the account, so that a session that begins at the moment of the
-- change sees it there, as it sees a new password.
alter table all_users add column second_step boolean not null default false;

create or replace view users as
  select id, name, email, email_verified, image, password_hash, sign_up_form, created_at, updated_at, password_version,
    onboarded_at, devices_version, login_notices, devices_known_since, suspended_at, second_step
  from all_users where delete_at is null;

create table second_steps (
  user_id text primary key references all_users (id) on delete cascade,
  -- The secret that is shared with an app, under the application's secret.
  sealed text not null,
  created_at timestamptz not null,
  -- Null while it is being set up.
  confirmed_at timestamptz,
  -- The time step of the last code that was taken (RFC 6238): neither it nor an earlier one is taken again.
  last_step bigint not null default 0,
  -- Raising it makes all devices that skip the second step ask for it again.
  devices_version integer not null default 0
);

create table recovery_codes (
  user_id text not null references all_users (id) on delete cascade,
  -- An HMAC under the secret of the second step.
  code_hash text not null,
  used_at timestamptz,
  primary key (user_id, code_hash)
);

-- Between the first step of a login and the second. A ticket opens no page: it only says who has done the first.
create table login_tickets (
  -- SHA-256 of what the browser holds in a cookie.
  ticket_hash text primary key,
  user_id text not null references all_users (id) on delete cascade,
  -- A password that has been changed since makes it worthless.
  password_version integer not null,
  -- How the first step was done.
  amr text[] not null,
  -- What the login was asked for with: to be remembered, where to go, a sealed form that waits.
  remembered boolean not null,
  next text not null,
  kept text,
  expires_at timestamptz not null,
  used_at timestamptz
);

create index login_tickets_user_id on login_tickets (user_id);
create index login_tickets_expires_at on login_tickets (expires_at);

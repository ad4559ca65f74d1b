create table sessions (
  -- SHA-256 of the id in the cookie: the table gives nobody a session.
  sid text primary key,
  sess json not null,
  -- The earlier of the idle and the absolute limit.
  expire timestamptz not null,
  user_id text not null generated always as (sess ->> 'userId') stored references users (id) on delete cascade,
  created_at timestamptz not null default now(),
  seen_at timestamptz not null default now()
);

create index sessions_user_id on sessions (user_id);
create index sessions_expire on sessions (expire);

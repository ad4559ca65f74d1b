-- All tokens that follow from one first token: a stolen one ends them all.
create table refresh_families (
  id text primary key,
  session_handle text not null references sessions (handle) on delete cascade,
  expires_at timestamptz not null
);

create index refresh_families_session_handle on refresh_families (session_handle);
create index refresh_families_expires_at on refresh_families (expires_at);

create table refresh_tokens (
  -- SHA-256: the table gives nobody a token.
  token_hash text primary key,
  family text not null references refresh_families (id) on delete cascade,
  expires_at timestamptz not null,
  -- A used token stays, so that a second use is known for what it is.
  used_at timestamptz
);

create index refresh_tokens_family on refresh_tokens (family);

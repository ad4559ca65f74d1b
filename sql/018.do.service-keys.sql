-- The keys with which other backends call. The keys themselves stand nowhere.
create table service_keys (
  name text primary key,
  -- SHA-256: the table gives nobody a key.
  key_hash text not null unique,
  -- What it may do: `introspect`, `profiles`, `deleted`.
  rights text[] not null,
  created_at timestamptz not null,
  -- To the hour, so that an operator sees whether a key is still in use.
  used_at timestamptz
);

-- The name by which authenticators know an account (WebAuthn, user handle): random, and not its id.
create table passkey_handles (
  user_id text primary key references all_users (id) on delete cascade,
  handle text not null
);

create table passkeys (
  id text primary key,
  user_id text not null references all_users (id) on delete cascade,
  -- What the authenticator calls it, and its public key (COSE), both in base64url.
  credential_id text not null unique,
  public_key text not null,
  -- How often it has signed, as the authenticator says. Many always say 0.
  sign_count bigint not null,
  name text not null,
  transports text[] not null,
  -- Whether it may be copied to other devices by the maker of its authenticator, and whether it has been.
  backup_eligible boolean not null,
  backed_up boolean not null,
  -- The model of the authenticator.
  aaguid text not null,
  created_at timestamptz not null,
  used_at timestamptz
);

create index passkeys_user_id on passkeys (user_id);

-- Challenges that were answered: each is good once.
create table passkey_answers (
  challenge_hash text primary key,
  expires_at timestamptz not null
);

create index passkey_answers_expires_at on passkey_answers (expires_at);

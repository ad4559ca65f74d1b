create table users (
  id text primary key,
  name text not null,
  -- ASCII and lower case, so that one person's spelling is never another person's address.
  email text not null unique check (email = lower(email)),
  email_verified boolean not null default false,
  image text,
  -- Scheme, pepper and bcrypt hash; null for an account without a password.
  password_hash text,
  -- A digest of the form that made the account: the same form sent twice ends in the account, not in an error.
  sign_up_form text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create index users_sign_up_form on users (created_at) where sign_up_form is not null;

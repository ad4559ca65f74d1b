-- Codes of mails: each for one purpose, one address, one use, and the one browser that has asked for it. There is a row whether
-- the address has an account or not, so that neither the answers nor the tries tell.
create table mailed_codes (
  -- SHA-256 of what the browser that asked holds in a cookie.
  request_hash text primary key,
  purpose text not null check (purpose in ('sign-in', 'email-verification', 'forget-password')),
  -- An HMAC under the application's secret: there are only a million codes.
  code_hash text not null,
  -- SHA-256 of the link in the same mail. It works only in that browser, too.
  link_hash text unique,
  -- Null where nothing was mailed: nobody has the address, or too many codes were asked for.
  user_id text references all_users (id) on delete cascade,
  email text,
  -- A password that has been changed since makes it worthless.
  password_version integer,
  -- How many were wrong.
  tries integer not null default 0,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz
);

create index mailed_codes_user_id on mailed_codes (user_id);
create index mailed_codes_expires_at on mailed_codes (expires_at);

-- The public name of a session, good for listing and ending it and nothing else; and what its owner knows the device by.
-- The default serves sessions that are open already, and those that an older version of the program still makes.
alter table sessions
  add column handle text not null unique default replace(gen_random_uuid()::text, '-', ''),
  add column ip_address text not null default '',
  add column user_agent text not null default '';

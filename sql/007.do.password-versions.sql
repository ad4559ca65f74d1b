-- Counts changes of the password, not new hashes of the same one: a login holds only while the count it saw still stands.
alter table users add column password_version integer not null default 0;

-- Devices that have logged in carry a cookie that names this count. Raising it makes all of them strangers again.
alter table users add column devices_version integer not null default 0;

alter table email_tokens drop constraint email_tokens_purpose_check;
alter table email_tokens add constraint email_tokens_purpose_check
  check (purpose in ('verify-email', 'change-email', 'reset-password', 'new-device'));

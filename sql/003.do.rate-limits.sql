-- The columns are those of rate-limiter-flexible; the keys are hashed addresses.
create table rate_limits (
  key varchar(255) primary key,
  points integer not null default 0,
  expire bigint
);

create index rate_limits_expire on rate_limits (expire);

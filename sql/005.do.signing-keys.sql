-- Key pairs of access tokens. A row is published as long as it stands here, and goes when its last token has died.
create table signing_keys (
  -- RFC 7638 thumbprint
  kid text primary key,
  -- Two instances that make a key at once make the same generation, and one of them wins.
  generation integer not null unique,
  -- The public half as in a JWK.
  x text not null,
  -- The private half, encrypted under APP_SECRETS.
  sealed text not null,
  -- Published from its first minute on, used only from here on.
  signs_from timestamptz not null,
  -- Set by the operator: signs no more.
  retired_at timestamptz
);

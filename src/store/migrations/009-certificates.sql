-- Certificates and their way to the edges, and what is under way with a certificate authority (RFC 8555). Private keys stand in
-- tables of their own, sealed with a key that is not in this database: a dump of it opens no connection.
create table certificate (
  certificate_id text primary key,
  site_id text not null references site (site_id),
  kind text not null check (kind in ('server', 'origin-client')),
  source text not null check (source in ('acme', 'uploaded')),
  -- The one name that an authority is asked for; null for an uploaded certificate.
  asked text,
  -- What the certificate in hand carries.
  names jsonb not null default '[]',
  -- The names of the site that edges show it for. Empty: they let go of it.
  shown jsonb not null default '[]',
  -- 0: no edge has heard of it. The last version that was put on the bus stands beside it.
  version integer not null default 0,
  published integer not null default 0,
  directory text,
  not_before timestamptz,
  not_after timestamptz,
  issuer text,
  fingerprint text,
  -- Attempts since the last one that succeeded, and why the last one did not.
  tries integer not null default 0,
  why text,
  next_try_at timestamptz,
  alarmed_at timestamptz,
  created_at timestamptz not null,
  deleted_at timestamptz,
  check ((source = 'acme') = (asked is not null)),
  check (published <= version),
  check (kind = 'server' or source = 'uploaded')
);
create unique index certificate_asked on certificate (site_id, asked) where deleted_at is null;
create index certificate_made on certificate (asked, created_at);
create index certificate_site on certificate (site_id) where deleted_at is null;
create index certificate_unpublished on certificate (certificate_id) where published < version;
create index certificate_due on certificate (next_try_at) where source = 'acme' and deleted_at is null;
create index certificate_end on certificate (not_after) where deleted_at is null;

create table certificate_secret (
  certificate_id text primary key references certificate (certificate_id),
  chain_pem text not null,
  key_sealed bytea not null
);

create table certificate_ack (
  certificate_id text not null references certificate (certificate_id),
  node_id text not null,
  version integer not null,
  ok boolean not null,
  why text,
  at timestamptz not null,
  primary key (certificate_id, node_id)
);

-- Which version of a site, under which authority, its certificates were last compared with.
create table certificate_compared (
  site_id text primary key references site (site_id),
  seen_version integer not null,
  seen_directory text not null
);

create table acme_account (
  directory text primary key,
  key_sealed bytea not null,
  account_url text,
  -- The authority wants to be left alone until then.
  paused_until timestamptz,
  created_at timestamptz not null
);

-- One order under way for each certificate. Its key and request are stored before the authority hears of them, so that whatever
-- it signs can be used. order_url null: about to be placed.
create table acme_order (
  certificate_id text primary key references certificate (certificate_id),
  directory text not null,
  key_sealed bytea not null,
  csr_pem text not null,
  order_url text,
  created_at timestamptz not null
);

-- Proofs that are laid out, or about to be: stored before they are, so that they are taken away again after a crash.
create table acme_challenge (
  certificate_id text not null references certificate (certificate_id),
  method text not null check (method in ('http-01', 'dns-01')),
  -- http-01: the path; dns-01: the record's name.
  place text not null,
  -- http-01: the body; dns-01: the record's value.
  value text not null,
  site_id text not null references site (site_id),
  -- http-01: the site's policy version that carries it.
  version integer,
  created_at timestamptz not null,
  primary key (certificate_id, method, place, value)
);
create index acme_challenge_site on acme_challenge (site_id) where method = 'http-01';

-- Validations that failed, by name: authorities count them, and so do we, whoever asks again and how.
create table acme_failure (
  hostname text not null,
  at timestamptz not null
);
create index acme_failure_hostname on acme_failure (hostname, at);

-- Accounts, sites, and the way of a policy to the edges.
create table account (
  account_id text primary key,
  name text not null unique,
  email text,
  created_at timestamptz not null default now()
);

create table site (
  site_id text primary key,
  account_id text not null references account (account_id),
  state text not null check (state in ('active', 'held', 'refused', 'removed')),
  origin_scheme text not null check (origin_scheme in ('http', 'https')),
  origin_host text not null,
  origin_port integer not null check (origin_port between 1 and 65535),
  host_header text,
  -- null: no limit
  limit_rps integer,
  limit_burst integer,
  body_bytes_max bigint not null,
  version integer not null default 0,
  held_because jsonb not null default '[]',
  settled_by text,
  settled_reason text,
  created_at timestamptz not null default now()
);

-- One name, one site: the primary key is what keeps two tenants from holding the same name.
create table hostname (
  hostname text primary key,
  site_id text not null references site (site_id)
);
create index hostname_site on hostname (site_id);

-- A version that must reach the edges. accepted_at is the moment the change was accepted: in-force times count from it.
create table policy_version (
  site_id text not null references site (site_id),
  version integer not null,
  accepted_at timestamptz not null default now(),
  published_at timestamptz,
  primary key (site_id, version)
);
create index policy_version_unpublished on policy_version (site_id) where published_at is null;

create table policy_ack (
  site_id text not null references site (site_id),
  node_id text not null,
  version integer not null,
  ok boolean not null,
  why text,
  at timestamptz not null,
  primary key (site_id, node_id)
);

-- What a withdrawn site looked like, so that its return is recognised (design §1 step 6).
create table look (
  site_id text primary key references site (site_id),
  case_number text not null,
  features jsonb not null,
  taken_at timestamptz not null default now()
);

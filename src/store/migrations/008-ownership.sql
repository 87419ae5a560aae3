-- Who owns a name, and who may do what with a site. docs/decisions/hostname-ownership.md is the rule that these tables serve.

-- A hostname row is a claim of one site. At most one claim of a name is proven, and that one is served: the partial unique index
-- is what keeps two tenants from holding the same name, whatever two transactions do at once.
alter table hostname drop constraint hostname_pkey;
alter table hostname
  add column claimed_at timestamptz not null default now(),
  -- When this claim came to hold the name; null: nothing is served and no certificate asked.
  add column proven_at timestamptz,
  add column proven_by text check (proven_by in ('dns-txt', 'http-token', 'operator')),
  -- The last check that found the proof, and the last check at all.
  add column seen_at timestamptz,
  add column checked_at timestamptz,
  -- Since when the proof has not been found, while the name is held.
  add column missing_since timestamptz,
  -- Since when another account shows a proof that outranks this one.
  add column contested_since timestamptz,
  -- Of a claim that does not hold the name: since when it has shown a proof in vain.
  add column waiting_since timestamptz,
  add column tries integer not null default 0,
  -- Null: not checked by itself.
  add column next_check_at timestamptz default now(),
  add column why text,
  add column leads_here text not null default 'unknown' check (leads_here in ('yes', 'no', 'unknown')),
  add primary key (hostname, site_id),
  add check ((proven_at is null) = (proven_by is null)),
  add check (proven_at is not null or (missing_since is null and contested_since is null)),
  add check (proven_at is null or waiting_since is null);

-- What was served before names had proofs was let in by the operator.
update hostname
   set proven_at = site.created_at, proven_by = 'operator', claimed_at = site.created_at
  from site where site.site_id = hostname.site_id;

create unique index hostname_holder on hostname (hostname) where proven_at is not null;
create index hostname_due on hostname (next_check_at) where next_check_at is not null;

-- Names that somebody let go of: for a while only the strongest proof gives them to another account. One that went while a measure
-- stood on its site is held for a human when it comes back.
create table hostname_release (
  hostname text primary key,
  account_id text not null references account (account_id),
  site_id text not null references site (site_id),
  released_at timestamptz not null,
  under_measure boolean not null
);
create index hostname_release_at on hostname_release (released_at);

-- One row: the key that proof tokens and preview names are made with, so that they are stable and nobody can guess them.
create table hostname_token_key (
  one boolean primary key default true check (one),
  token_key bytea not null check (octet_length(token_key) = 32)
);

create table site_member (
  site_id text not null references site (site_id),
  user_id text not null references "user" ("id") on delete cascade,
  role text not null check (role in ('viewer', 'editor', 'owner')),
  since timestamptz not null,
  -- Until they come in, others see of them only the address that they were added by.
  seen_at timestamptz,
  primary key (site_id, user_id)
);
create index site_member_user on site_member (user_id);

-- Members of an account have owned its sites so far.
insert into site_member (site_id, user_id, role, since, seen_at)
select site.site_id, account_member.user_id, 'owner', site.created_at, site.created_at
  from site join account_member on account_member.account_id = site.account_id
            join "user" on "user"."id" = account_member.user_id
 where site.state <> 'removed';

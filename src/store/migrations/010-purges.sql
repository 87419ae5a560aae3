-- What was purged of a site's cache. Numbers count up per site; the newest purge of everything stands in the policy as its generation.
alter table site add column purge_number integer not null default 0;
alter table site add column cache_generation integer not null default 0;

create table cache_purge (
  site_id text not null references site (site_id),
  number integer not null check (number >= 1),
  kind text not null check (kind in ('all', 'url', 'prefix', 'tag')),
  -- '' for everything.
  value text not null,
  purged_by text not null,
  purged_by_user text,
  purged_at timestamptz not null,
  -- The policy version that carried it to the edges.
  version integer not null,
  primary key (site_id, number)
);

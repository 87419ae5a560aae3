-- Whether a site's origin answers the public directly, past the edge: the newest finding for each site.
create table origin_exposure (
  site_id text primary key references site (site_id),
  checked_at timestamptz not null,
  exposed boolean not null,
  -- A sentence for the owner.
  what text not null
);
create index origin_exposure_by_age on origin_exposure (checked_at);

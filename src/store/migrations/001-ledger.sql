-- The transparency log. The database decides what the log is; the published files only repeat it. Rows of entries, full tiles
-- and checkpoints are never changed once they carry an index, a full width or a note.

-- One row: the tree that is decided. `size` is what the sequencer compares and swaps.
create table ledger_log (
  one boolean primary key default true check (one),
  origin text not null,
  vkey text not null,
  size bigint not null check (size >= 0),
  root text not null,
  created_at timestamptz not null
);

-- An intent becomes an entry when the sequencer gives it its index.
create table ledger_entry (
  intent_id bigint generated always as identity primary key,
  entry bytea not null check (octet_length(entry) = 512),
  entry_index bigint unique check (entry_index >= 0)
);
create index ledger_entry_pending on ledger_entry (intent_id) where entry_index is null;

-- Every tile at its present width; narrower ones are its beginning.
create table ledger_tile (
  level integer not null check (level between 0 and 63),
  tile_index bigint not null check (tile_index >= 0),
  hashes bytea not null check (octet_length(hashes) % 32 = 0 and octet_length(hashes) between 32 and 8192),
  primary key (level, tile_index)
);

-- Every size at which the log stood still. `note` is null until the signed checkpoint is published.
create table ledger_checkpoint (
  size bigint primary key check (size > 0),
  root text not null,
  note text,
  signed_at timestamptz
);
create index ledger_checkpoint_unpublished on ledger_checkpoint (size) where note is null;

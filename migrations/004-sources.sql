-- Several sources of events, each record of which is taken once, and storage that can let go of the old.
-- Only adds: the release before this one goes on working on it.

-- What an event says, by the day on which it came: a day is let go of by dropping its partition, while the ledger keeps the
-- id. Looked up by both columns: the ledger knows when an event came.
create table event_bodies (
  received_at_ms bigint not null,
  event_id text collate "C" not null,
  body json not null,
  primary key (received_at_ms, event_id)
) partition by range (received_at_ms);
alter table event_bodies alter column body set statistics 0;
-- Events that came before this migration still have theirs here.
alter table events alter column body drop not null;

-- What the join reads, in its order, without a look at each event; null of events that the release before this one took.
alter table pending add column body json;
alter table pending alter column body set statistics 0;

-- Where a consumer group goes on in each partition: moved in the transaction that holds what was read, and by nobody who
-- expected it to be elsewhere. `watermark_ms`: nothing older will come out of this partition.
create table positions (
  consumer_group text collate "C" not null,
  topic text collate "C" not null,
  partition integer not null,
  source text collate "C" not null,
  next_offset bigint not null,
  watermark_ms bigint not null default 0,
  primary key (consumer_group, topic, partition)
);
create index positions_by_source on positions (source);

-- Where a dead letter came from, how often it was tried, and how it ended.
alter table dead_letters
  add column topic text collate "C",
  add column partition integer,
  add column record_offset bigint,
  -- Of the payload as it first came; a record that is read again is not set aside again.
  add column digest bigint,
  add column attempts integer not null default 1,
  add column resolution text check (resolution in ('replayed', 'dropped')),
  add column resolved_at_ms bigint;
create unique index dead_letters_by_record on dead_letters (topic, partition, record_offset, digest);
create index dead_letters_open on dead_letters (id) where resolution is null;

-- Users whose data was erased, by a hash of their id: what they did before does not come back with an old record.
create table erasures (
  user_hash bytea primary key,
  erased_at_ms bigint not null,
  -- Null while there may be something left.
  ended_at_ms bigint
);

-- When each batch was joined, and how far its source was then: what a version that began to read at some moment can have
-- learnt. Only adds: releases before this one go on working on it, and note their batches too.

create table join_batches (
  source text collate "C" not null,
  -- By the database's clock. 0: some time before this migration.
  joined_at_ms bigint not null,
  joined_to_ms bigint not null,
  primary key (source, joined_at_ms)
);
insert into join_batches (source, joined_at_ms, joined_to_ms) select name, 0, joined_to_ms from sources;

create function note_join_batch() returns trigger language plpgsql as $$
begin
  insert into join_batches (source, joined_at_ms, joined_to_ms)
  values (new.name, floor(extract(epoch from clock_timestamp()) * 1000), new.joined_to_ms)
  on conflict (source, joined_at_ms) do update set joined_to_ms = excluded.joined_to_ms;
  return null;
end
$$;
-- The join sets this column once a batch.
create trigger note_join_batch after update of joined_to_ms on sources
  for each row execute function note_join_batch();

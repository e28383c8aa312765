-- no transaction
-- Of tables that may be large: each is made while others write. What a start that was cut short left behind goes first.

-- What retention looks for. Rows stand nearly in the order of time, so that a summary of each range of pages finds them.
drop index concurrently if exists events_received;
create index concurrently if not exists events_received on events using brin (received_at_ms);
drop index concurrently if exists slates_occurred;
create index concurrently if not exists slates_occurred on slates using brin (occurred_at_ms);
drop index concurrently if exists history_occurred;
create index concurrently if not exists history_occurred on history using brin (occurred_at_ms);
-- A user's history in the order of time, whichever source it came from.
drop index concurrently if exists history_by_time;
create index concurrently if not exists history_by_time on history (user_id, occurred_at_ms, sequence);

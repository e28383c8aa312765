-- The version whose weights a version began with; null where they were new.
alter table model_versions add column started_from text collate "C";
-- When a user was erased whom it may have learnt from: no training starts from it any more.
alter table model_versions add column learnt_erased_at_ms bigint;

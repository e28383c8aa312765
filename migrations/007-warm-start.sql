-- The version whose weights a version began with; null where they were new.
alter table model_versions add column started_from text collate "C";

-- What int8 costs a version, as in its manifest; null where it was not asked for.
alter table model_versions add column quantization jsonb;

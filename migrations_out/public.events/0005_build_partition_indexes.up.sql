-- 0005_build_partition_indexes.up.sql: Build the indexes of each partition
-- Table: public.events
-- Lock: none on the source table
-- Takes: sorts the whole copy once per index; needs room for them on the server's disk
-- Undo: the down file drops them
-- Hazards: none
-- Mode: no transaction, exactly one statement, which commits by itself; run it again to go on where it stopped
-- Made by: pgcleave 0.1.0, fingerprint 28178eb51f9822c874f34be4055bd21e

CALL "public"."events_pgcleave_build_partition_indexes"();

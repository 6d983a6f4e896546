-- 0004_run_batch_copy.up.sql: Copy the rows in batches of blocks
-- Table: public.events
-- Lock: ACCESS SHARE on the source table: one batch at a time; blocks nobody who reads or writes
-- Takes: reads the whole table once and writes it once; the server's disk, which can't be seen from SQL, must have room for it
-- Undo: the down file empties the copy
-- Hazards: none
-- Mode: no transaction, exactly one statement, which commits by itself; run it again to go on where it stopped
-- Made by: pgcleave 0.1.0, fingerprint 28178eb51f9822c874f34be4055bd21e

CALL "public"."events_pgcleave_copy_batches"(1024);

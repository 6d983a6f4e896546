-- 0007_catch_up.up.sql: Bring what was written meanwhile into the copy
-- Table: public.events
-- Lock: ACCESS SHARE on the source table: one batch at a time; blocks nobody who reads or writes
-- Takes: in proportion to what was written since the sync trigger
-- Undo: the down file asks for a new catch-up before the next switch
-- Hazards: none
-- Mode: no transaction, exactly one statement, which commits by itself; run it again to go on where it stopped
-- Made by: pgcleave 0.1.0, fingerprint 28178eb51f9822c874f34be4055bd21e

CALL "public"."events_pgcleave_catch_up"(500);

-- 0009_add_foreign_keys.up.sql: Add the foreign keys to the copy
-- Table: public.events
-- Lock: SHARE ROW EXCLUSIVE on each referenced table and the copy: milliseconds a statement, after waiting up to 1 s a try; validation takes a weaker lock
-- Takes: reads the copy once per foreign key
-- Undo: the down file drops them from the copy
-- Hazards: none
-- Mode: no transaction, exactly one statement, which commits by itself; run it again to go on where it stopped
-- Made by: pgcleave 0.1.0, fingerprint 28178eb51f9822c874f34be4055bd21e

CALL "public"."events_pgcleave_add_foreign_keys"();

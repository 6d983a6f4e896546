-- Nothing to undo: what was caught up is as good a copy as before.
SELECT {{ c.names.check.sql() }}();

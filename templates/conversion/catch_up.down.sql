-- What was caught up is as good a copy as before; only the next switch needs a new catch-up.
UPDATE {{ c.names.state.sql() }} SET count_milliseconds = NULL;

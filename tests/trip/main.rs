mod drift;
mod example;
mod fixtures;
mod psql_only;
mod refusals;
mod round_trip;
mod support;

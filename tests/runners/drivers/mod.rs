//! One file per runner.

mod dbmate;
mod diesel;
mod graphile_migrate;
mod knex;
mod node_pg_migrate;
mod psql;
mod refinery;
mod sqlx;

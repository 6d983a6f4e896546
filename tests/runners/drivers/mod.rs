//! One file per runner.

mod alembic;
mod dbmate;
mod diesel;
mod django;
mod graphile_migrate;
mod knex;
mod liquibase;
mod node_pg_migrate;
mod psql;
mod rails;
mod refinery;
mod sqitch;
mod sqlx;

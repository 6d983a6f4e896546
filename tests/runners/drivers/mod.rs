//! One file per runner.

pub mod alembic;
pub mod dbmate;
pub mod diesel;
pub mod django;
pub mod graphile_migrate;
pub mod knex;
pub mod liquibase;
pub mod node_pg_migrate;
pub mod psql;
pub mod rails;
pub mod refinery;
pub mod sqitch;
pub mod sqlx;

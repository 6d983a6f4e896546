//! One file per runner.

mod psql;

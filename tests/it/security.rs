//! Names that are SQL, functions that lie in wait, roles with few rights, and
//! a password that must not be seen.

mod functions;
mod hostile_names;
mod privileges;
mod row_security;
mod secrets;
mod shadows;

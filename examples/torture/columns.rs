//! Column types with a value for each number.

/// A type and an expression that makes a value of it from `{n}`; `{s}` is the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    pub sql_type: &'static str,
    value: &'static str,
}

const fn kind(sql_type: &'static str, value: &'static str) -> Kind {
    Kind { sql_type, value }
}

/// What an extra column may be.
pub const KINDS: &[Kind] = &[
    kind("int", "(({n}) % 1000)::int"),
    kind("smallint", "(({n}) % 1000)::smallint"),
    kind("numeric(12,3)", "((({n}) % 100000) / 7.0)::numeric(12,3)"),
    kind(
        "numeric",
        "(({n}) % 10 || '.' || repeat('0', (({n}) % 4)::int))::numeric",
    ),
    kind("double precision", "sqrt(({n})::float8)"),
    kind("real", "(({n}) % 1000)::real / 3"),
    kind("boolean", "(({n}) % 2 = 0)"),
    kind("text", "'t' || md5(({n})::text)"),
    kind("varchar(40)", "('v ''\" ' || ({n}))::varchar(40)"),
    kind("char(10)", "(({n}) % 1000)::text::char(10)"),
    kind(
        "jsonb",
        "jsonb_build_object('n', ({n}) % 9, 'a', ARRAY[({n}) % 7])",
    ),
    kind("json", "json_build_object('z', ({n}) % 9, 'a', 1)"),
    kind("bytea", "decode(md5(({n})::text), 'hex')"),
    kind("int[]", "ARRAY[(({n}) % 9)::int, NULL, 3]"),
    kind("text[]", "ARRAY['a,b', md5(({n})::text), NULL, '']"),
    kind(
        "int4range",
        "int4range((({n}) % 100)::int, (({n}) % 100)::int + 5)",
    ),
    kind(
        "tstzrange",
        "tstzrange(NULL, '2026-01-01 00:00+00'::timestamptz + ({n}) % 99 * interval '1 hour')",
    ),
    kind("interval", "(({n}) % 1000) * interval '1 minute'"),
    kind("inet", "('10.0.0.' || ({n}) % 255)::inet"),
    kind("uuid", "md5(({n})::text)::uuid"),
    kind("point", "point(({n}) % 10, 0.1)"),
    kind("tsvector", "to_tsvector('simple', 'word' || ({n}) % 50)"),
    kind("bit(8)", "(({n}) % 256)::int::bit(8)"),
    kind("time", "'12:00'::time + (({n}) % 600) * interval '1 second'"),
    kind(
        "timestamptz",
        "'2026-01-01 00:00+00'::timestamptz + ({n}) % 9999 * interval '1 hour'",
    ),
    kind("date", "'2026-01-01'::date + (({n}) % 999)::int"),
    kind("{s}.mood", "(ARRAY['sad','ok','happy'])[1 + ({n}) % 3]::{s}.mood"),
    kind("{s}.positive", "(1 + ({n}) % 50)::{s}.positive"),
    kind("{s}.pair", "ROW(({n}) % 5, 'x,\"y')::{s}.pair"),
    // Big enough for TOAST, now and then.
    kind(
        "text STORAGE_EXTERNAL",
        "CASE WHEN ({n}) % 29 = 0 THEN (SELECT string_agg(md5((({n}) + g)::text), '') FROM generate_series(1, 150) g) ELSE md5(({n})::text) END",
    ),
];

/// The user's types, made before the table.
pub const TYPES: &str = "CREATE TYPE {s}.mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN {s}.positive AS bigint CHECK (VALUE > 0);
CREATE TYPE {s}.pair AS (a int, b text);";

impl Kind {
    /// The type without our own mark for storage.
    pub fn type_in(&self, schema: &str) -> String {
        self.sql_type
            .replace(" STORAGE_EXTERNAL", "")
            .replace("{s}", schema)
    }

    pub fn is_external(&self) -> bool {
        self.sql_type.ends_with("STORAGE_EXTERNAL")
    }

    pub fn value(&self, schema: &str, number: &str) -> String {
        self.value.replace("{s}", schema).replace("{n}", number)
    }

    /// Whether a btree index can stand on it.
    pub fn is_ordered(&self) -> bool {
        !["json", "point"].contains(&self.sql_type) && !self.is_external()
    }
}

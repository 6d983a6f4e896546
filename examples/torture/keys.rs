//! Primary keys of every make.

/// What feeds the first column when an INSERT leaves it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feed {
    Nothing,
    Serial,
    ByDefault,
    Always,
}

/// The columns of a primary key, each with a value for `{n}`; different numbers give different keys.
#[derive(Debug, Clone, Copy)]
pub struct KeyKind {
    pub label: &'static str,
    pub types: &'static [&'static str],
    values: &'static [&'static str],
    /// An equal value that is spelled differently, from `{c}`.
    pub respell: Option<&'static str>,
    pub feed: Feed,
}

const fn plain(
    label: &'static str,
    types: &'static [&'static str],
    values: &'static [&'static str],
) -> KeyKind {
    KeyKind {
        label,
        types,
        values,
        respell: None,
        feed: Feed::Nothing,
    }
}

const fn fed(label: &'static str, types: &'static [&'static str], feed: Feed) -> KeyKind {
    KeyKind {
        feed,
        ..plain(label, types, &["({n})::int"])
    }
}

const fn respelled(
    label: &'static str,
    types: &'static [&'static str],
    values: &'static [&'static str],
    respell: &'static str,
) -> KeyKind {
    KeyKind {
        respell: Some(respell),
        ..plain(label, types, values)
    }
}

/// Every kind there is; `citext` needs its extension.
pub const KEYS: &[KeyKind] = &[
    plain("int", &["int"], &["({n})::int"]),
    plain("bigint", &["bigint"], &["({n})::bigint"]),
    fed("identity", &["bigint"], Feed::ByDefault),
    fed("identity always", &["bigint"], Feed::Always),
    fed("int identity", &["int"], Feed::ByDefault),
    fed("serial", &["serial"], Feed::Serial),
    fed("bigserial", &["bigserial"], Feed::Serial),
    plain("uuid", &["uuid"], &["md5(({n})::text)::uuid"]),
    plain("text", &["text"], &["'k''é \" ' || ({n})"]),
    plain("bytea", &["bytea"], &["decode(md5(({n})::text), 'hex')"]),
    plain("domain", &["{s}.positive"], &["({n})::{s}.positive"]),
    plain("bpchar", &["char(14)"], &["('c' || ({n}))::char(14)"]),
    plain("float8", &["double precision"], &["({n})::float8 / 4"]),
    plain("two", &["int", "bigint"], &["(({n}) % 5)::int", "({n})::bigint"]),
    plain(
        "date and int",
        &["date", "int"],
        &["'2026-01-01'::date + (({n}) % 50)::int", "({n})::int"],
    ),
    plain(
        "enum and text",
        &["{s}.mood", "text COLLATE \"C\""],
        &[
            "(ARRAY['sad','ok','happy'])[1 + ({n}) % 3]::{s}.mood",
            "({n})::text",
        ],
    ),
    respelled(
        "numeric",
        &["numeric"],
        &["(({n}) || CASE WHEN ({n}) % 2 = 0 THEN '.0' ELSE '.50' END)::numeric"],
        "round({c}, 1 + (scale({c}) + 1) % 3)",
    ),
    respelled(
        "interval",
        &["interval"],
        &["({n}) * interval '1 hour'"],
        "CASE WHEN {c}::text LIKE '%day%' THEN extract(epoch FROM {c}) * interval '1 second' ELSE justify_hours({c}) END",
    ),
    respelled(
        "citext",
        &["public.citext"],
        &["('Key' || ({n}))::public.citext"],
        "CASE WHEN {c}::text = upper({c}::text) THEN lower({c}::text) ELSE upper({c}::text) END::public.citext",
    ),
];

impl KeyKind {
    /// Types as a cast writes them: without what only a column has.
    pub fn cast_types(&self, schema: &str) -> Vec<String> {
        let bare = |t: &&str| match *t {
            "serial" => "int".to_owned(),
            "bigserial" => "bigint".to_owned(),
            other => other.replace("{s}", schema).replace(" COLLATE \"C\"", ""),
        };
        self.types.iter().map(bare).collect()
    }

    pub fn values(&self, schema: &str, number: &str) -> Vec<String> {
        let fill = |v: &&str| v.replace("{s}", schema).replace("{n}", number);
        self.values.iter().map(fill).collect()
    }
}

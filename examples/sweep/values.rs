//! A value of a type, from a number.

use chrono::{Days, NaiveDate, TimeDelta};

/// What generating a value needs to know of its type, domains resolved.
#[derive(Debug, Clone)]
pub struct Type {
    pub name: String,
    /// `typtype`: b, c, e, r, m …
    pub kind: String,
    /// `atttypmod`, or the domain's.
    pub modifier: i32,
    pub labels: Vec<String>,
    pub element: Option<Box<Type>>,
    /// Columns of a composite type.
    pub fields: i64,
}

/// The text of the `i`th value; None where no value is known.
pub fn text(of: &Type, i: u64) -> Option<String> {
    if let Some(element) = &of.element {
        let value = text(element, i)?.replace('\\', "\\\\").replace('"', "\\\"");
        return Some(format!("{{\"{value}\"}}"));
    }
    match of.kind.as_str() {
        "e" => of.labels.get(i as usize % of.labels.len().max(1)).cloned(),
        "c" => Some(format!("({})", ",".repeat(of.fields.max(1) as usize - 1))),
        "r" => range(&of.name, i),
        "m" => Some("{}".to_owned()),
        _ => plain(of, i),
    }
}

fn plain(of: &Type, i: u64) -> Option<String> {
    let length = (of.modifier > 4).then(|| (of.modifier - 4) as usize);
    Some(match of.name.as_str() {
        "int2" => (1 + i % 30_000).to_string(),
        "int4" | "int8" | "oid" | "float4" | "float8" | "money" => (1 + i).to_string(),
        "numeric" => numeric(of.modifier, i),
        "text" | "varchar" | "citext" | "name" => fitted(length.filter(|_| of.name == "varchar"), i),
        "bpchar" => fitted(Some(length.unwrap_or(1)), i),
        "char" => char::from(b'a' + (i % 26) as u8).to_string(),
        "bool" => i.is_multiple_of(2).to_string(),
        "date" => day(i).to_string(),
        "timestamp" | "timestamptz" => moment(i),
        "time" | "timetz" => format!("{:02}:{:02}:00", i % 24, i / 24 % 60),
        "interval" => format!("{} minutes", 1 + i),
        "uuid" => format!(
            "{:08x}-{:04x}-7{:03x}-8000-{:012x}",
            0x0195_0000 + i,
            i % 0xffff,
            i % 0xfff,
            i
        ),
        "json" | "jsonb" => format!("{{\"a\": {i}}}"),
        "bytea" => format!("\\x{i:08x}"),
        "inet" | "cidr" => format!("10.{}.{}.{}", i >> 16 & 255, i >> 8 & 255, i & 255),
        "macaddr" => format!(
            "08:00:2b:{:02x}:{:02x}:{:02x}",
            i >> 16 & 255,
            i >> 8 & 255,
            i & 255
        ),
        "point" => format!("({i},{i})"),
        "tsvector" | "tsquery" | "hstore_key" => format!("v{i}"),
        "hstore" => format!("a=>{i}"),
        "ltree" => format!("top.v{i}"),
        "xml" => format!("<a>{i}</a>"),
        "bit" => format!("{:0width$b}", i % 2, width = of.modifier.max(1) as usize),
        "varbit" => "101".to_owned(),
        _ => return None,
    })
}

fn day(i: u64) -> NaiveDate {
    let first = NaiveDate::from_ymd_opt(2025, 1, 1).unwrap_or_default();
    first + Days::new(i)
}

fn moment(i: u64) -> String {
    let moment = day(0).and_time(chrono::NaiveTime::MIN) + TimeDelta::hours(19 * i as i64);
    format!("{moment}+00")
}

fn numeric(modifier: i32, i: u64) -> String {
    if modifier < 4 {
        return (1 + i).to_string();
    }
    let (precision, scale) = ((modifier - 4) >> 16 & 0xffff, (modifier - 4) & 0x7ff);
    match precision - scale {
        whole if whole <= 0 => format!("0.{}", i % 10),
        whole => ((1 + i) % 10_u64.pow(whole.min(15) as u32)).to_string(),
    }
}

/// `v` and the number where there is room, else the number alone in as many letters as fit.
fn fitted(length: Option<usize>, i: u64) -> String {
    let long = format!("v{i}");
    let Some(length) = length.filter(|length| *length < long.len()) else {
        return long;
    };
    let (mut rest, mut short) = (i, String::new());
    for _ in 0..length {
        short.insert(0, char::from(b'a' + (rest % 26) as u8));
        rest /= 26;
    }
    short
}

fn range(name: &str, i: u64) -> Option<String> {
    Some(match name {
        "int4range" | "int8range" | "numrange" => format!("[{},{})", 10 * i, 10 * i + 5),
        "daterange" => format!("[{},{})", day(3 * i), day(3 * i + 1)),
        "tsrange" | "tstzrange" => format!("[\"{}\",\"{}\")", moment(3 * i), moment(3 * i + 1)),
        _ => return None,
    })
}

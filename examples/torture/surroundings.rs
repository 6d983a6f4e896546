//! Foreign keys, triggers and views around the drawn table.

use crate::ddl::list;
use crate::shape::{Shape, Trigger};

/// The table that refers to ours, with our primary key's columns named `p0`, `p1` …
pub fn children(shape: &Shape) -> String {
    if shape.children.is_none() {
        return String::new();
    }
    let types = shape.identity_types();
    let columns: String = types
        .iter()
        .enumerate()
        .map(|(at, t)| format!(", p{at} {t}"))
        .collect();
    format!(
        "CREATE TABLE {0} (id bigint PRIMARY KEY, grp bigint NOT NULL, label text{columns});
         CREATE INDEX ON {0} (grp);",
        shape.beside("children")
    )
}

/// Keys out and in, and children for some of the rows.
pub fn foreign_keys(shape: &Shape) -> String {
    let mut sql = String::new();
    if let Some((column, actions)) = &shape.account {
        let deferred = if actions.deferred {
            " DEFERRABLE INITIALLY DEFERRED"
        } else {
            ""
        };
        sql.push_str(&format!(
            "ALTER TABLE {0} ADD CONSTRAINT \"to Accounts\" FOREIGN KEY ({column}) REFERENCES {1} (id) ON DELETE {2} ON UPDATE {3}{deferred};
             CREATE INDEX ON {0} ({column});
             CREATE INDEX ON {1} (grp);\n",
            shape.table,
            shape.beside("accounts"),
            actions.delete.sql(),
            actions.update.sql(),
        ));
    }
    if let Some(actions) = &shape.children {
        let (identity, own) = (list(&shape.identity()), child_columns(shape));
        sql.push_str(&format!(
            "INSERT INTO {0} (id, grp, label, {own}) SELECT row_number() OVER (), {1}, 'first', {identity} FROM {2} WHERE {3} % 5 = 0;
             ALTER TABLE {0} ADD CONSTRAINT \"to Events\" FOREIGN KEY ({own}) REFERENCES {2} ({identity}) ON DELETE {4} ON UPDATE {5};
             CREATE INDEX ON {0} ({own});\n",
            shape.beside("children"),
            shape.group,
            shape.table,
            shape.number,
            actions.delete.sql(),
            actions.update.sql(),
        ));
    }
    sql
}

/// `p0, p1`
pub fn child_columns(shape: &Shape) -> String {
    let columns = (0..shape.identity().len()).map(|at| format!("p{at}"));
    columns.collect::<Vec<_>>().join(", ")
}

/// `p0 = t.id AND …` for children of a row of `t`.
pub fn child_of(shape: &Shape, alias: &str) -> String {
    let terms = shape.identity().into_iter().enumerate();
    terms
        .map(|(at, name)| format!("ch.p{at} = {alias}.{name}"))
        .collect::<Vec<_>>()
        .join(" AND ")
}

pub fn triggers(shape: &Shape) -> String {
    shape
        .triggers
        .iter()
        .map(|trigger| trigger_sql(shape, *trigger))
        .collect()
}

fn trigger_sql(shape: &Shape, trigger: Trigger) -> String {
    let (table, number) = (&shape.table, &shape.number);
    let function = |name: &str, body: &str| {
        format!(
            "CREATE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql AS $f$\n#variable_conflict use_column\nBEGIN {body} END $f$;\n",
            shape.beside(name)
        )
    };
    let create = |name: &str, rest: &str| {
        format!(
            "CREATE TRIGGER {rest} ON {table} FOR EACH ROW EXECUTE FUNCTION {}();\n",
            shape.beside(name)
        )
    };
    match trigger {
        Trigger::Touch => {
            let body = format!("NEW.{0} := coalesce(NEW.{0}, 0) + 1; RETURN NEW;", shape.touched);
            function("touch", &body) + &create("touch", "\"a Touch\" BEFORE INSERT OR UPDATE")
        }
        Trigger::Drop => {
            // Not what a foreign key does: dropping that breaks it, with or without us.
            let events = if shape.account.is_none() {
                "INSERT OR UPDATE OR DELETE"
            } else {
                "INSERT"
            };
            let body = format!(
                "IF TG_OP = 'DELETE' THEN IF OLD.{number} % 19 = 3 THEN RETURN NULL; END IF; RETURN OLD; END IF;
                 IF NEW.{number} % 17 = 5 THEN RETURN NULL; END IF; RETURN NEW;"
            );
            function("drop_some", &body) + &create("drop_some", &format!("b_drop BEFORE {events}"))
        }
        Trigger::Siblings => {
            // The alias matters: of a table called new, NEW.x would be the column of each row.
            let body = format!(
                "IF pg_trigger_depth() < 2 THEN
                     UPDATE {table} AS x SET {number} = ({number} + 1) % 1000 WHERE x.{0} = NEW.{0} AND {number} % 2 = 0;
                 END IF; RETURN NULL;",
                shape.group
            );
            let name = ["a_siblings", "z_siblings"][(shape.order % 2) as usize];
            function("siblings", &body)
                + &create("siblings", &format!("{name} AFTER UPDATE OF {}", shape.note))
        }
        Trigger::Reinsert => reinsert(shape, &function, &create),
        Trigger::Audit => {
            let body = format!(
                "IF NEW.{number} % 50 = 1 THEN INSERT INTO {} VALUES (NEW.{number}); END IF; RETURN NULL;",
                shape.beside("audit")
            );
            function("audit_it", &body)
                + &format!(
                    "CREATE CONSTRAINT TRIGGER zz_audit AFTER INSERT OR UPDATE ON {table} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {}();\n",
                    shape.beside("audit_it")
                )
        }
    }
}

/// Unless the row is still there: a move between partitions fires DELETE, too.
fn reinsert(
    shape: &Shape,
    function: &dyn Fn(&str, &str) -> String,
    create: &dyn Fn(&str, &str) -> String,
) -> String {
    let columns: Vec<_> = shape
        .row("2026-01-01", "0", "0")
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let old: Vec<String> = columns.iter().map(|name| format!("OLD.{name}")).collect();
    let primary = shape
        .primary_names
        .iter()
        .map(|name| format!("x.{name} = OLD.{name}"));
    let body = format!(
        "IF pg_trigger_depth() < 2 AND OLD.{} % 7 = 2
            AND NOT EXISTS (SELECT FROM {} x WHERE {}) THEN
             INSERT INTO {1} ({}) OVERRIDING SYSTEM VALUE VALUES ({});
         END IF; RETURN NULL;",
        shape.number,
        shape.table,
        primary.collect::<Vec<_>>().join(" AND "),
        list(&columns),
        old.join(", "),
    );
    function("reinsert", &body) + &create("reinsert", "m_reinsert AFTER DELETE")
}

pub fn views(shape: &Shape) -> String {
    if !shape.has_view {
        return String::new();
    }
    format!(
        "CREATE VIEW {0} AS SELECT {1}, {2} AS grp, {3} AS num FROM {4} WHERE {3} >= 0;
         CREATE VIEW {5} WITH (security_barrier) AS SELECT grp, count(*) AS rows FROM {0} GROUP BY grp;",
        shape.beside("\"Some View\""),
        list(&shape.identity()),
        shape.group,
        shape.number,
        shape.table,
        shape.beside("totals"),
    )
}

//! The statements of a writer.

use postgres::{Client, Statement};

use super::sample::{ACCOUNTS, Origin, Subject};

/// For any table; `$1` names the row.
#[derive(Debug)]
pub struct Prepared {
    pub update: Statement,
    pub move_key: Statement,
    /// Only for the sample table.
    pub more: Option<More>,
}

/// For the sample table alone.
#[derive(Debug)]
pub struct More {
    pub insert: Statement,
    pub insert_again: Statement,
    pub delete: Statement,
    pub note: Statement,
}

impl Prepared {
    /// On a new connection.
    pub fn new(client: &mut Client, subject: &Subject) -> Result<Self, postgres::Error> {
        client.batch_execute("SET timezone TO 'UTC'")?;
        match subject.origin {
            Origin::Sample => Self::for_sample(client, subject),
            Origin::Files => Self::for_files(client, subject),
        }
    }

    fn for_sample(client: &mut Client, subject: &Subject) -> Result<Self, postgres::Error> {
        let digest = subject.digest();
        let values = format!(
            "1 + (s + g) % {ACCOUNTS}, md5(s || '-' || g)::uuid, jsonb_build_object('s', s, 'tags', ARRAY[g % 5]),
             (ARRAY['view', 'click', 'order', 'refund'])[1 + (s + g) % 4], (s % 10000) / 100.0,
             now() - (s + g * 7) % 2592000 * interval '1 second'"
        );
        let columns = "account_id, external_id, payload, kind, amount, created_at";
        Ok(Self {
            update: client.prepare(&format!(
                "UPDATE public.events SET amount = amount + 1.25, payload = payload || jsonb_build_object('u', $2::bigint)
                 WHERE id = $1 RETURNING {digest}"
            ))?,
            move_key: client.prepare(&format!(
                "UPDATE public.events SET created_at = created_at + $2::integer * interval '1 day'
                 WHERE id = $1 RETURNING {digest}"
            ))?,
            more: Some(More {
                insert: client.prepare(&format!(
                    "INSERT INTO public.events ({columns}) SELECT {values}
                     FROM (SELECT $1::bigint AS s) AS seed, generate_series(1, $2::bigint) AS g RETURNING {digest}, id"
                ))?,
                insert_again: client.prepare(&format!(
                    "INSERT INTO public.events (id, {columns}) SELECT $1::bigint, {values}
                     FROM (SELECT $2::bigint AS s, 0 AS g) AS seed RETURNING {digest}"
                ))?,
                delete: client.prepare("DELETE FROM public.events WHERE id = $1")?,
                note: client.prepare(
                    "INSERT INTO public.event_notes (event_id, note) VALUES ($1, 'by a writer') RETURNING id",
                )?,
            }),
        })
    }

    /// Rewrites a row as it is, or moves its key by some days.
    fn for_files(client: &mut Client, subject: &Subject) -> Result<Self, postgres::Error> {
        let terms = subject.primary_key.iter().enumerate();
        let found = terms.map(|(at, (column, of))| format!("{column} = ($1::text[])[{}]::{of}", at + 1));
        let found = found.collect::<Vec<_>>().join(" AND ");
        let (table, key) = (&subject.table, &subject.key);
        let tail = format!(
            "WHERE {found} RETURNING {}, {}",
            subject.digest(),
            subject.identity()
        );
        let update = client.prepare(&format!("UPDATE {table} SET {key} = {key} {tail}"))?;
        let moved = format!("{key} + $2::integer * interval '1 day'");
        let move_key = client.prepare(&format!("UPDATE {table} SET {key} = {moved} {tail}"))?;
        Ok(Self {
            update,
            move_key,
            more: None,
        })
    }
}

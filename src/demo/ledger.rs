//! Puts the writers' books where SQL can compare them.

use std::io::Write;
use std::sync::{Arc, Mutex};

use postgres::Transaction;

use super::DemoError;
use super::crew::lock;
use super::writers::Book;

/// What the writers know, as temporary tables of this transaction.
pub fn write_ledger(t: &mut Transaction<'_>, books: &[Arc<Mutex<Book>>]) -> Result<(), DemoError> {
    t.batch_execute(
        "SET LOCAL timezone TO 'UTC';
         SET LOCAL work_mem TO '128MB';
         CREATE TEMP TABLE ledger (id text, digest uuid) ON COMMIT DROP;
         CREATE TEMP TABLE ledger_notes (id bigint, event_id bigint) ON COMMIT DROP;
         CREATE TEMP TABLE ledger_cleared (event_id bigint) ON COMMIT DROP;",
    )?;
    copy_in(t, "ledger", books, |book, lines| {
        for (id, digest) in &book.rows {
            let digest = digest.map_or_else(|| "\\N".to_owned(), |digest| format!("{digest:032x}"));
            writeln!(lines, "{}\t{digest}", escape(id))?;
        }
        Ok(())
    })?;
    copy_in(t, "ledger_notes", books, |book, lines| {
        book.notes
            .iter()
            .try_for_each(|(note, event)| writeln!(lines, "{note}\t{event}"))
    })?;
    copy_in(t, "ledger_cleared", books, |book, lines| {
        book.cleared
            .iter()
            .try_for_each(|event| writeln!(lines, "{event}"))
    })?;
    t.batch_execute("ANALYZE ledger; ANALYZE ledger_notes; ANALYZE ledger_cleared")?;
    Ok(())
}

fn copy_in(
    t: &mut Transaction<'_>,
    table: &'static str,
    books: &[Arc<Mutex<Book>>],
    write: impl Fn(&Book, &mut dyn Write) -> std::io::Result<()>,
) -> Result<(), DemoError> {
    let mut lines = t.copy_in(&format!("COPY {table} FROM STDIN"))?;
    for book in books {
        let book = lock(book);
        write(&book, &mut lines).map_err(DemoError::Ledger)?;
    }
    lines.finish()?;
    Ok(())
}

/// For the text format of COPY.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('\t', "\\t")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
}

#[cfg(test)]
mod tests {
    #[test]
    fn escapes_what_copy_takes_for_its_own() {
        assert_eq!(super::escape("(\"a\\b\tc\nd\")"), "(\"a\\\\b\\tc\\nd\")");
    }
}

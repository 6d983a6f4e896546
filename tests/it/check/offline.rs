//! Without a server.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;

use super::{check, check_json, edit, file};
use crate::fixtures::Fixture;
use crate::support::Said;

#[test]
fn it_connects_to_nobody_and_says_a_line_per_table() {
    let fixture = Fixture::load("bigint_key");
    fixture
        .database
        .run_sql("CREATE TABLE orders (id int PRIMARY KEY, at date NOT NULL)");
    fixture.generate();
    fixture
        .pgcleave
        .ok(&["-q", "generate", "orders", "--key", "at", "--interval", "monthly"]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    for url in [
        format!("postgres://nobody@127.0.0.1:{port}/nowhere"),
        "no url".to_owned(),
    ] {
        let mut command = fixture.pgcleave.command(&["check"]);
        let said = Said::of(&command.env("DATABASE_URL", url).output().unwrap());
        assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{}", said.stdout);
        assert_eq!(
            said.stdout,
            "public.events: 30 files are as pgcleave writes them\npublic.orders: 30 files are as pgcleave writes them\n"
        );
    }
    let nobody = listener.accept().unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::WouldBlock, "somebody has connected");
    let said = check(&fixture, &["orders"], 0);
    assert!(!said.stdout.contains("events"), "{}", said.stdout);
    assert_eq!(check(&fixture, &["nobody.orders"], 2).stdout, "");
}

#[test]
fn edited_missing_and_foreign_files_are_differences_in_every_format() {
    let fixture = Fixture::load("bigint_key");
    fixture.generate();
    let edited = file(&fixture, "0004_run_batch_copy.up.sql");
    edit(&edited, "CALL ", "CALL  /* 100% */ ");
    fs::remove_file(file(&fixture, "0008_keep_in_step.down.sql")).unwrap();
    let extra = edited.with_file_name("0014_by_hand.up.sql");
    fs::write(&extra, "SELECT 1;\n").unwrap();
    fs::write(edited.with_file_name("README.md"), "ours\n").unwrap();

    let text = check(&fixture, &[], 3);
    for words in [
        "--- generated/migrations_out/public.events/0004_run_batch_copy.up.sql\n+++ on disk/",
        "\n-CALL ",
        "\n+CALL  /* 100% */ ",
        "\nmissing: migrations_out/public.events/0008_keep_in_step.down.sql\n",
        "\nonly on disk: migrations_out/public.events/0014_by_hand.up.sql\n",
        "\npublic.events: 3 files not as pgcleave writes them (1 changed, 1 missing, 1 only on disk)\n  bring them back",
    ] {
        assert!(text.stdout.contains(words), "{words}\n{}", text.stdout);
    }
    assert!(!text.stdout.contains("README.md") && !text.stdout.contains('\u{1b}'));

    let json = check_json(&fixture, &[], 3);
    assert_eq!((&json["format"], &json["different"]), (&1.into(), &true.into()));
    let table = &json["tables"][0];
    assert_eq!(
        (&table["table"], &table["files"]),
        (&"public.events".into(), &30.into())
    );
    let states: Vec<(&str, &str)> = table["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| (file["path"].as_str().unwrap(), file["state"].as_str().unwrap()))
        .collect();
    assert_eq!(
        states,
        [
            (
                "migrations_out/public.events/0004_run_batch_copy.up.sql",
                "changed"
            ),
            (
                "migrations_out/public.events/0008_keep_in_step.down.sql",
                "missing"
            ),
            ("migrations_out/public.events/0014_by_hand.up.sql", "extra"),
        ]
    );
    let diff = table["differences"][0]["diff"].as_str().unwrap();
    assert!(text.stdout.starts_with(diff), "{diff}");
    assert!(table["differences"][1]["diff"].is_null() && table["live"].is_null());

    let markdown = check(&fixture, &["--format", "markdown"], 3).stdout;
    assert!(
        markdown.starts_with("### pgcleave check: 1 of 1 table differs\n"),
        "{markdown}"
    );
    assert!(markdown.contains(&format!(
        "`migrations_out/public.events/0004_run_batch_copy.up.sql`\n\n```diff\n{diff}```\n"
    )));
    assert!(markdown.contains("\n`migrations_out/public.events/0008_keep_in_step.down.sql` is missing\n"));

    let line = fs::read_to_string(&edited)
        .unwrap()
        .lines()
        .position(|l| l.contains("100%"))
        .unwrap()
        + 1;
    let github = check(&fixture, &["--format", "github"], 3).stdout;
    let commands: Vec<&str> = github.lines().filter(|line| line.starts_with("::")).collect();
    assert_eq!(commands.len(), 3, "{github}");
    let begin = format!(
        "::error file=migrations_out/public.events/0004_run_batch_copy.up.sql,line={line},title=public.events%3A not as pgcleave writes it::@@ "
    );
    assert!(
        commands[0].starts_with(&begin) && commands[0].contains("/* 100%25 */"),
        "{github}"
    );
    assert!(
        commands[0].contains("%0A-CALL ") && commands[0].contains("%0A+CALL "),
        "{github}"
    );
    let summary = github.lines().filter(|line| !line.starts_with("::"));
    assert!(
        summary.into_iter().all(|line| line.starts_with("pgcleave: ")),
        "{github}"
    );
}

#[test]
fn a_folder_within_the_repository_stands_before_the_files_of_annotations() {
    let fixture = Fixture::load("bigint_key");
    fixture.generate();
    fs::remove_file(file(&fixture, "0008_keep_in_step.down.sql")).unwrap();
    let folder = fixture.pgcleave.folder.path().canonicalize().unwrap();
    let mut command = fixture.pgcleave.command(&["check", "--format", "github"]);
    let said = Said::of(
        &command
            .env("GITHUB_WORKSPACE", folder.parent().unwrap())
            .output()
            .unwrap(),
    );
    let name = folder.file_name().unwrap().to_str().unwrap();
    let begin = format!("::error file={name}/migrations_out/public.events/0008");
    assert!(said.stdout.starts_with(&begin), "{}", said.stdout);
}

#[test]
fn what_can_not_be_rendered_again_is_a_difference_with_its_reason() {
    let fixture = Fixture::load("bigint_key");
    fixture.generate();
    let catalog = file(&fixture, "catalog.json");
    let spec = fixture.pgcleave.folder.path().join("pgcleave.toml");
    let (written, said) = (
        fs::read_to_string(&catalog).unwrap(),
        fs::read_to_string(&spec).unwrap(),
    );

    fs::remove_file(&catalog).unwrap();
    let missing = check(&fixture, &[], 3).stdout;
    assert!(
        missing.contains("there is no migrations_out/public.events/catalog.json"),
        "{missing}"
    );
    fs::write(&catalog, &written[..200]).unwrap();
    let broken = check(&fixture, &[], 3).stdout;
    assert!(broken.contains("catalog.json can't be read: "), "{broken}");
    fs::write(&catalog, &written).unwrap();

    fs::write(catalog.with_file_name("placement.json"), "{}").unwrap();
    let broken = check(&fixture, &[], 3).stdout;
    assert!(broken.contains("placement.json can't be read: "), "{broken}");
    fs::remove_file(catalog.with_file_name("placement.json")).unwrap();

    fs::write(&spec, said.replace("key = \"at\"", "key = \"nope\"")).unwrap();
    let json = check_json(&fixture, &[], 3);
    let finding = &json["tables"][0]["findings"][0];
    assert_eq!(finding["path"], "pgcleave.toml");
    let cause = finding["cause"].as_str().unwrap();
    assert!(
        cause.contains("no longer fits the recorded catalog snapshot:\n- ")
            && cause.contains("has no column"),
        "{cause}"
    );
    let github = check(&fixture, &["--format", "github"], 3).stdout;
    assert!(
        github.starts_with("::error file=pgcleave.toml,title="),
        "{github}"
    );
    assert_eq!(
        github.lines().filter(|l| l.contains("has no column")).count(),
        2,
        "{github}"
    );

    fs::write(&spec, format!("{said}nonsense = 1\n")).unwrap();
    check(&fixture, &[], 2);
    fs::remove_file(&spec).unwrap();
    check(&fixture, &[], 2);
}

#[test]
fn a_spec_that_asks_for_other_files_is_a_difference() {
    let fixture = Fixture::load("bigint_key");
    fixture.generate();
    let spec = fixture.pgcleave.folder.path().join("pgcleave.toml");
    edit(&spec, "interval = \"monthly\"", "interval = \"quarterly\"");
    let said = check(&fixture, &[], 3).stdout;
    let remedy = "the spec or catalog.json has changed since they were written: write them again: pgcleave generate public.events";
    assert!(said.contains("+++ on disk/") && said.contains(remedy), "{said}");
    let json = check_json(&fixture, &[], 3);
    assert_eq!(json["tables"][0]["differences"][0]["edited"], false);
    edit(&spec, "interval = \"quarterly\"", "interval = \"monthly\"");
    check(&fixture, &[], 0);
    edit(&spec, "runner = \"plain\"", "runner = \"dbmate\"");
    let said = check(&fixture, &[], 3).stdout;
    let words = "the spec says runner = \"dbmate\", and the migrations were written for \"plain\"";
    assert!(said.contains(words), "{said}");
}

#[test]
fn a_runner_s_files_are_compared_where_they_stand() {
    let fixture = Fixture::load("bigint_key");
    let generate = [
        "-q",
        "generate",
        "events",
        "--key",
        "at",
        "--interval",
        "monthly",
        "--runner",
        "dbmate",
    ];
    fixture.pgcleave.ok(&generate);
    let folder = fixture.pgcleave.folder.path();
    let mut names: Vec<String> = fs::read_dir(folder.join("db/migrations"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let said = check(&fixture, &[], 0).stdout;
    assert_eq!(
        said,
        format!(
            "public.events: {} files are as pgcleave writes them\n",
            names.len()
        )
    );
    let own = folder.join("db/migrations/20200101000000_ours.sql");
    fs::write(own, "-- migrate:up\n-- migrate:down\n").unwrap();
    check(&fixture, &[], 0);
    let edited = folder.join("db/migrations").join(&names[3]);
    edit(&edited, "-- migrate:down", "-- by hand\n-- migrate:down");
    let said = check(&fixture, &[], 3).stdout;
    assert!(said.contains(&names[3]) && said.contains("+-- by hand"), "{said}");
    edit(&edited, "-- by hand\n", "");
    fs::remove_file(&edited).unwrap();
    let said = check(&fixture, &[], 3).stdout;
    assert!(
        said.contains(&format!("missing: db/migrations/{}", names[3])),
        "{said}"
    );
    fixture.pgcleave.ok(&["-q", "generate", "events"]);
    edit(
        &folder.join("pgcleave.toml"),
        "through = \"verify_copy\"",
        "through = \"cut_over\"",
    );
    let said = check(&fixture, &[], 3).stdout;
    assert!(said.contains("the spec says through = \"cut_over\""), "{said}");
}

#[test]
fn diffs_are_coloured_on_a_terminal_and_on_demand() {
    let fixture = Fixture::load("bigint_key");
    fixture.generate();
    edit(&file(&fixture, "0004_run_batch_copy.up.sql"), "CALL ", "CALL  ");
    let plain = check(&fixture, &[], 3).stdout;
    let coloured = check(&fixture, &["--color", "always"], 3).stdout;
    assert!(
        coloured.contains("\u{1b}[31m-CALL ") && coloured.contains("\u{1b}[32m+CALL "),
        "{coloured}"
    );
    assert_eq!(console::strip_ansi_codes(&coloured), plain);
    let on_terminal = |variable: Option<(&str, &str)>| {
        let line = format!("'{}' check", env!("CARGO_BIN_EXE_pgcleave"));
        let mut command = std::process::Command::new("script");
        command
            .args(["-q", "-e", "-c", &line, "/dev/null"])
            .current_dir(fixture.pgcleave.folder.path());
        command
            .env("TERM", "xterm-256color")
            .env_remove("NO_COLOR")
            .envs(variable);
        let output = command.stdin(std::process::Stdio::null()).output();
        let output = output.expect("script; hint: it is in the package bsdutils");
        assert_eq!(output.status.code(), Some(3));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(on_terminal(None).contains("\u{1b}[32m+CALL "));
    assert!(!on_terminal(Some(("NO_COLOR", "1"))).contains('\u{1b}'));
}

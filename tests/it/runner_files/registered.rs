//! Files of the project's own that must name ours: everything else in them stays byte for byte.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::{Project, marks_of};

/// Generates, and gives back what a file was before and is now.
fn before_and_after(project: &Project, runner: &str, path: &str) -> (String, String) {
    let before = project.read(path);
    project.generate("events", &["--runner", runner]);
    (before, project.read(path))
}

/// What stands in `after` beside `before`, which is kept whole before and behind it.
#[track_caller]
fn added<'a>(before: &str, after: &'a str, behind: &str) -> &'a str {
    let head = before.strip_suffix(behind).unwrap();
    let rest = after
        .strip_prefix(head)
        .unwrap_or_else(|| panic!("not kept:\n{before}\n{after}"));
    rest.strip_suffix(behind)
        .unwrap_or_else(|| panic!("not kept:\n{before}\n{after}"))
}

#[test]
fn a_sqitch_plan_is_only_added_to() {
    for text in [
        "%syntax-version=1.0.0\n%project=shop\n\n# of ours\nown  2025-01-01T00:00:00Z A <a@b.example> # own  \n@v1 2025-01-02T00:00:00Z A <a@b.example> # tag\n\n\n",
        "%project=shop\nown 2025-01-01T00:00:00Z A <a@b.example> # no line's end",
        "%project=shop\r\n\r\nown 2025-01-01T00:00:00Z A <a@b.example>\r\n",
    ] {
        let project = Project::of(&[("sqitch.conf", ""), ("sqitch.plan", text)]);
        let (before, after) = before_and_after(&project, "sqitch", "sqitch.plan");
        let lines: Vec<&str> = added(&before, &after, "")
            .lines()
            .filter(|l| !l.is_empty())
            .collect();
        assert_eq!(lines.len(), 9, "{after}");
        assert!(
            lines[0].starts_with("events_create_partitioned_copy [own] 2"),
            "{after}"
        );
        assert!(
            lines[8].ends_with(" pgcleave <pgcleave@localhost> # verify_copy"),
            "{after}"
        );
    }
}

#[test]
fn a_sqitch_plan_goes_on_behind_a_tag() {
    let project = Project::with("sqitch");
    project.generate("events", &["--runner", "auto"]);
    let theirs =
        "@v2 2026-01-02T00:00:00Z A <a@b.example> # tag\ntheirs 2026-01-02T00:00:00Z A <a@b.example> # x\n";
    project.write("sqitch.plan", &(project.read("sqitch.plan") + theirs));
    let before = project.read("sqitch.plan");
    project.generate("events", &["--through", "verify_cutover"]);
    let after = project.read("sqitch.plan");
    assert!(
        added(&before, &after, "").starts_with("events_cut_over [theirs] "),
        "{after}"
    );
}

#[test]
fn liquibase_masters_include_ours_behind_the_last() {
    let xml = "<?xml version=\"1.0\"?>\r\n<databaseChangeLog xmlns=\"x\">\r\n\t<include file=\"own.sql\"/> <!-- </databaseChangeLog> is not here -->\r\n</databaseChangeLog>\r\n<!-- end -->";
    let project = Project::of(&[("db/changelog/db.changelog-master.xml", xml)]);
    let path = "db/changelog/db.changelog-master.xml";
    let (before, after) = before_and_after(&project, "liquibase", path);
    let ours = added(&before, &after, "</databaseChangeLog>\r\n<!-- end -->");
    assert_eq!(ours.matches("<include file=\"").count(), 9, "{ours}");
    assert_eq!(
        ours.matches("relativeToChangelogFile=\"true\"/>").count(),
        9,
        "{ours}"
    );
    project.generate("events", &[]);
    assert_eq!(project.read(path), after);
}

#[test]
fn yaml_masters_are_added_to_at_their_end() {
    let path = "db/changelog/db.changelog-master.yaml";
    for text in [
        "databaseChangeLog:\n  # of ours\n  - include:\n      file: own.sql\n\n\n",
        "databaseChangeLog:\n- include:\n    file: own.sql",
        "databaseChangeLog:\r\n  - include:\r\n      file: own.sql\r\n",
    ] {
        let project = Project::of(&[(path, text)]);
        let (before, after) = before_and_after(&project, "liquibase", path);
        let ours = added(&before, &after, "");
        assert_eq!(ours.matches("- include:").count(), 9, "{after}");
        assert_eq!(after.matches("\r\n").count() > 0, text.contains('\r'));
        let indent = if text.contains("  - ") {
            "  - include:"
        } else {
            "- include:"
        };
        assert!(
            ours.lines().filter(|l| l.contains("- ")).all(|l| l == indent),
            "{after}"
        );
    }
}

#[test]
fn a_folder_that_liquibase_includes_whole_needs_no_names() {
    let path = "db/changelog/db.changelog-master.yaml";
    let text =
        "databaseChangeLog:\n  - includeAll:\n      path: changes/\n      relativeToChangelogFile: true\n";
    let project = Project::of(&[
        (path, text),
        ("db/changelog/changes/001_own.sql", "--liquibase formatted sql\n"),
    ]);
    let (before, after) = before_and_after(&project, "liquibase", path);
    assert_eq!(before, after);
    let files = project.files_in("db/changelog/changes");
    assert!(
        files.contains_key("db/changelog/changes/010_events_verify_copy.sql"),
        "{:?}",
        files.keys()
    );
    // A path from the project's folder.
    let text = "<databaseChangeLog>\n  <includeAll path=\"db/sql\"/>\n</databaseChangeLog>\n";
    let project = Project::of(&[("db/changelog/db.changelog-master.xml", text)]);
    project.generate("events", &["--runner", "auto"]);
    assert_eq!(project.files_in("db/sql").len(), 9);
}

#[test]
fn the_master_that_liquibases_properties_name_is_the_one() {
    let master = "<databaseChangeLog>\n</databaseChangeLog>\n";
    let project = Project::of(&[
        ("liquibase.properties", "# x\nchangeLogFile=db/main.xml\n"),
        ("db/main.xml", master),
    ]);
    project.generate("events", &["--runner", "auto"]);
    assert_eq!(project.read("db/main.xml").matches("<include file=\"").count(), 9);
    assert_eq!(project.files_in("db").len(), 10);
}

#[test]
fn a_master_that_cannot_name_ours_is_refused() {
    for (path, text) in [
        ("db/main.xml", "<databaseChangeLog/>\n"),
        ("db/main.sql", "--liquibase formatted sql\n"),
        ("db/main.json", "{ \"databaseChangeLog\": [] }\n"),
        ("db/main.yaml", "databaseChangeLog: []\n"),
    ] {
        let properties = format!("changelog-file: {path}\n");
        let project = Project::of(&[("liquibase.properties", &properties), (path, text)]);
        let before = project.all_files();
        let said = project.try_generate("events", &["--runner", "auto"]);
        assert_eq!(said.code, 4, "{path}: {}", said.stderr);
        assert!(
            said.stderr.contains(path) && said.stderr.contains("includeAll"),
            "{}",
            said.stderr
        );
        assert_eq!(project.all_files(), before, "{path}");
    }
}

#[test]
fn max_migration_names_our_last_one() {
    let project = Project::with("django");
    project.write("shop/migrations/max_migration.txt", "0001_initial\n");
    let read = || project.read("shop/migrations/max_migration.txt");
    project.generate("events", &["--runner", "auto"]);
    assert_eq!(read(), "0010_events_verify_copy\n");
    project.generate("events", &["--through", "catch_up"]);
    assert_eq!(read(), "0008_events_catch_up\n");
    // Somebody else's comes behind it.
    let theirs = "class Migration:\n    dependencies = [('shop', '0008_events_catch_up')]\n";
    project.write("shop/migrations/0009_theirs.py", theirs);
    project.write("shop/migrations/max_migration.txt", "0009_theirs\n");
    project.generate("events", &[]);
    assert_eq!(read(), "0009_theirs\n");
    project.generate("events", &["--through", "keep_in_step"]);
    assert_eq!(read(), "0010_events_keep_in_step\n");
    assert_eq!(project.places("public.events", "after")[7], "0009_theirs");
}

#[test]
fn an_app_without_max_migration_gets_none() {
    let project = Project::with("django");
    project.generate("events", &["--runner", "auto"]);
    assert!(
        !project
            .all_files()
            .contains_key("shop/migrations/max_migration.txt")
    );
}

/// By the rule as Atlas' documentation words it, from the start for each file.
fn sum(files: &[(&str, &str)]) -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    let (mut lines, mut all, mut before) = (String::new(), String::new(), String::new());
    for (name, text) in files {
        before += name;
        if text.starts_with("-- atlas:sum ignore") {
            continue;
        }
        before += text;
        let hash = hash(&before);
        lines += &format!("{name} h1:{hash}\n");
        all += &format!("{name}{hash}");
    }
    format!("h1:{}\n{lines}", hash(&all))
}

/// Of a folder in Atlas' own tests (cmd/atlas/internal/migrate/testdata/fixed), as its program wrote it.
#[test]
fn our_reading_of_atlas_rule_is_atlas_own() {
    let files = [
        ("1.sql", "CREATE TABLE `users` (`id` int NOT NULL PRIMARY KEY);"),
        (
            "2.sql",
            "ALTER TABLE `users` ADD COLUMN `happy` boolean NOT NULL DEFAULT true;",
        ),
        (
            "3.sql",
            "CREATE TABLE `pets` (`id` int NOT NULL PRIMARY KEY);\nALTER TABLE `pets` ADD COLUMN `happy` boolean NULL;",
        ),
    ];
    let theirs = "\
h1:oNV0f9HzMMCf2pzF+sA6CmsSHGjdkWYmcTjoc/lWxLs=
1.sql h1:twN+zPVp8JzWEUcPPfNIT6/62Wa08dfxxZhT4gZxBzg=
2.sql h1:KHLlrSPwSjbp4+KrpQHwYZf8zlSIiAR7MS3H2yd1yeE=
3.sql h1:osHrPgu8uNgd6j09XCiyBQWWEh9aAmwjRgzdZZgm68M=
";
    assert_eq!(sum(&files), theirs);
}

#[test]
fn atlas_sum_is_of_all_files_of_the_folder() {
    let project = Project::with("atlas");
    project.write(
        "migrations/20250102000000_ignored.sql",
        "-- atlas:sum ignore\nSELECT 2;\n",
    );
    project.write("migrations/README.md", "not one of them");
    project.generate("events", &["--runner", "auto"]);
    let files = project.files_in("migrations");
    let of_sum: Vec<(&str, &str)> = files
        .iter()
        .filter(|(path, _)| path.ends_with(".sql"))
        .map(|(path, text)| (path.strip_prefix("migrations/").unwrap(), text.as_str()))
        .collect();
    assert_eq!(of_sum.len(), 11);
    assert_eq!(files["migrations/atlas.sum"], sum(&of_sum));
}

#[test]
fn a_file_that_atlas_reads_and_we_cannot_is_no_empty_one() {
    let project = Project::with("atlas");
    let path = project
        .pgcleave
        .folder
        .path()
        .join("migrations/20250103000000_latin1.sql");
    std::fs::write(path, b"SELECT '\xe9';\n").unwrap();
    let said = project.try_generate("events", &["--runner", "auto"]);
    assert_eq!(said.code, 4, "{}", said.stderr);
    assert!(
        said.stderr.contains("20250103000000_latin1.sql"),
        "{}",
        said.stderr
    );
    assert!(
        !project
            .pgcleave
            .folder
            .path()
            .join("migrations/atlas.sum")
            .exists()
    );
}

#[test]
fn an_atlas_folder_in_another_runners_format_is_left_to_that_runner() {
    let project = Project::of(&[(
        "atlas.hcl",
        "env \"x\" {\n  migration {\n    dir = \"file://db/migrations?format=golang-migrate\"\n  }\n}\n",
    )]);
    let said = project.try_generate("events", &["--runner", "auto"]);
    assert_eq!(said.code, 4, "{}", said.stderr);
    assert!(said.stderr.contains("--runner golang-migrate"), "{}", said.stderr);
}

#[test]
fn a_file_that_no_longer_names_ours_does_so_again() {
    for (runner, path) in [
        ("liquibase", "db/changelog/db.changelog-master.xml"),
        ("atlas", "migrations/atlas.sum"),
    ] {
        let project = Project::of(marks_of(runner).files);
        project.generate("events", &["--runner", runner]);
        let named = project.read(path);
        let line = named
            .lines()
            .find(|line| line.contains("events_catch_up"))
            .unwrap();
        project.write(path, &named.replace(&format!("{line}\n"), ""));
        project.generate("events", &[]);
        let lines = |text: &str| {
            text.lines()
                .map(str::to_owned)
                .collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(lines(&project.read(path)), lines(&named), "{runner}");
    }
}

#[test]
fn a_sqitch_plan_that_lacks_one_of_ours_is_refused() {
    let project = Project::with("sqitch");
    project.generate("events", &["--runner", "sqitch"]);
    let plan = project.read("sqitch.plan");
    let line = plan
        .lines()
        .find(|line| line.starts_with("events_catch_up"))
        .unwrap();
    project.write("sqitch.plan", &plan.replace(&format!("{line}\n"), ""));
    let said = project.try_generate("events", &[]);
    assert_eq!(said.code, 4, "{}", said.stderr);
    assert!(
        said.stderr
            .contains("events_keep_in_step in sqitch.plan requires events_catch_up"),
        "{}",
        said.stderr
    );
}

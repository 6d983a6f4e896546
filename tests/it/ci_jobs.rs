//! docs/CI.md and `.pre-commit-hooks.yaml` do what they say, as far as a shell can tell.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::JoinHandle;

use serde::Deserialize;

use crate::fixtures::Fixture;
use crate::support::Said;

const PAGE: &str = include_str!("../../docs/CI.md");
const HOOKS: &str = include_str!("../../.pre-commit-hooks.yaml");

type Variables = BTreeMap<String, String>;

#[derive(Deserialize)]
struct Workflow {
    env: Variables,
    jobs: BTreeMap<String, GithubJob>,
}

#[derive(Deserialize)]
struct GithubJob {
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    run: Option<String>,
    #[serde(rename = "if")]
    condition: Option<String>,
    #[serde(default)]
    env: Variables,
}

#[derive(Deserialize)]
struct GitlabJob {
    extends: Option<String>,
    #[serde(default)]
    variables: Variables,
    #[serde(default)]
    before_script: Vec<String>,
    #[serde(default)]
    script: Vec<String>,
}

#[derive(Deserialize)]
struct Hook {
    id: String,
    entry: String,
    language: String,
    pass_filenames: bool,
    always_run: bool,
}

/// The block of the page that begins with this comment.
fn block(name: &str) -> &'static str {
    let begin = format!("```yaml\n# {name}\n");
    let mut blocks = PAGE.split("```yaml\n").skip(1);
    let found = blocks.find(|block| format!("```yaml\n{block}").starts_with(&begin));
    found
        .unwrap_or_else(|| panic!("no block {name}"))
        .split("```")
        .next()
        .unwrap()
}

fn yaml<T: for<'a> Deserialize<'a>>(text: &str) -> T {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A repository on a machine of its own: stand-ins for what CI has, and a home folder.
struct Machine {
    fixture: Fixture,
    home: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let fixture = Fixture::load("bigint_key");
        fixture.generate();
        let machine = Self {
            fixture,
            home: tempfile::tempdir().unwrap(),
        };
        machine.stand_in(
            "cargo",
            &format!(
                "test \"$*\" = 'install --locked pgcleave --version {}'\nbin=\"${{CARGO_HOME:-$HOME/.cargo}}/bin\"\n\
                 mkdir -p \"$bin\"\ncp '{}' \"$bin/\"\n",
                env!("CARGO_PKG_VERSION"),
                env!("CARGO_BIN_EXE_pgcleave")
            ),
        );
        machine.stand_in(
            "gh",
            "echo \"$GH_TOKEN $*\" > \"$HOME/said\"\ncp \"$5\" \"$HOME/comment\"\n",
        );
        machine
    }

    /// A program in the PATH.
    fn stand_in(&self, name: &str, script: &str) {
        let path = self.home.path().join("bin").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#!/bin/sh\nset -eu\n{script}")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn folder(&self) -> &Path {
        self.fixture.pgcleave.folder.path()
    }

    fn of_home(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.home.path().join(name)).ok()
    }

    /// Runs lines as a runner's shell does: it stops at the first that fails.
    fn run(&self, lines: &str, variables: &Variables) -> Said {
        let home = self.home.path().display();
        let output = Command::new("sh")
            .args(["-e", "-c", lines])
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", format!("{home}/bin:{home}/.cargo/bin:/usr/bin:/bin"))
            .envs(variables)
            .current_dir(self.folder())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Said::of(&output)
    }

    fn edit_a_migration(&self) {
        let file = self
            .fixture
            .pgcleave
            .files("0004_run_batch_copy.up.sql")
            .remove(0);
        let text = fs::read_to_string(&file).unwrap();
        fs::write(file, text.replace("CALL ", "CALL /* by hand */ ")).unwrap();
    }

    fn add_a_column(&self) {
        self.fixture
            .database
            .run_sql("ALTER TABLE events ADD COLUMN late int");
    }

    /// Runs a job of the workflow, and how it ends.
    fn github(&self, job: &str) -> Said {
        let mut workflow: Workflow = yaml(block(".github/workflows/pgcleave.yml"));
        let job = workflow.jobs.remove(job).unwrap();
        let mut failed = None;
        let mut last = None;
        for step in job.steps {
            let Some(lines) = &step.run else {
                continue;
            };
            let is_for_failure =
                step.condition.as_deref() == Some("failure() && steps.check.outcome == 'failure'");
            assert!(is_for_failure || step.condition.is_none(), "{:?}", step.condition);
            if is_for_failure != failed.is_some() {
                continue;
            }
            let mut variables = workflow.env.clone();
            let of_step = step.env.iter();
            variables.extend(of_step.map(|(name, value)| (name.clone(), self.expression(value))));
            let said = self.run(lines, &variables);
            match (said.code, is_for_failure) {
                (0, false) => last = Some(said),
                (0, true) => {}
                (_, false) => failed = Some(said),
                (_, true) => panic!("{}\n{}", said.stdout, said.stderr),
            }
        }
        failed.or(last).unwrap()
    }

    /// What the page takes from GitHub, and nothing else.
    fn expression(&self, text: &str) -> String {
        match text {
            "${{ github.token }}" => "the-token".to_owned(),
            "${{ github.event.pull_request.number }}" => "17".to_owned(),
            "${{ secrets.STAGING_DATABASE_URL }}" => self.fixture.database.url(),
            other => {
                assert!(!other.contains("${{"), "{other}");
                other.to_owned()
            }
        }
    }

    /// Runs a job of the pipeline, with its base.
    fn gitlab(&self, job: &str, api: &str) -> Said {
        let mut pipeline: BTreeMap<String, GitlabJob> = yaml(block(".gitlab-ci.yml"));
        let job = pipeline.remove(job).unwrap();
        let base = pipeline.remove(&job.extends.unwrap()).unwrap();
        let mut variables: Variables = [
            ("CI_PROJECT_DIR", self.folder().to_str().unwrap()),
            ("CI_API_V4_URL", api),
            ("CI_PROJECT_ID", "4"),
            ("CI_MERGE_REQUEST_IID", "17"),
            ("PGCLEAVE_COMMENT_TOKEN", "the-token"),
            ("STAGING_DATABASE_URL", &self.fixture.database.url()),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let folder = variables["CI_PROJECT_DIR"].clone();
        let own = base.variables.into_iter().chain(job.variables);
        variables.extend(own.map(|(name, value)| (name, value.replace("$CI_PROJECT_DIR", &folder))));
        let lines = [base.before_script, job.script].concat();
        self.run(&lines.join("\n"), &variables)
    }
}

/// An API that takes one request and answers that a note was made.
fn api() -> (String, JoinHandle<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/api/v4", listener.local_addr().unwrap());
    let request = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(reader.read_line(&mut head).unwrap(), 0, "{head}");
        }
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "))
            .unwrap();
        if head.contains("Expect: 100-continue") {
            reader
                .get_mut()
                .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")
                .unwrap();
        }
        let mut body = vec![0; length.parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        let answer = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
        reader.get_mut().write_all(answer).unwrap();
        (head, String::from_utf8(body).unwrap())
    });
    (url, request)
}

#[test]
fn the_github_jobs_check_comment_and_compare() {
    let machine = Machine::new();
    let said = machine.github("files");
    assert_eq!(said.code, 0, "{}\n{}", said.stdout, said.stderr);
    assert!(
        said.stdout.contains("files are as pgcleave writes them"),
        "{}",
        said.stdout
    );
    assert_eq!(machine.of_home("comment"), None);
    assert_eq!(machine.github("database").code, 0);
    machine.add_a_column();
    assert_eq!(machine.github("files").code, 0);
    let said = machine.github("database");
    assert!(
        said.code == 3 && said.stdout.contains("column late was added (integer)"),
        "{}",
        said.stdout
    );
    machine.edit_a_migration();
    let said = machine.github("files");
    assert!(
        said.code == 3 && said.stdout.starts_with("::error file="),
        "{}",
        said.stdout
    );
    let expected = "the-token pr comment 17 --body-file comment.md --edit-last --create-if-none\n";
    assert_eq!(machine.of_home("said").as_deref(), Some(expected));
    let comment = machine.of_home("comment").unwrap();
    assert!(comment.contains("+CALL /* by hand */ "), "{comment}");
}

#[test]
fn the_gitlab_jobs_check_comment_and_compare() {
    let machine = Machine::new();
    let nowhere = "http://127.0.0.1:1";
    let said = machine.gitlab("pgcleave files", nowhere);
    assert_eq!(said.code, 0, "{}\n{}", said.stdout, said.stderr);
    assert!(said.stdout.contains("nothing differs"), "{}", said.stdout);
    assert_eq!(machine.gitlab("pgcleave database", nowhere).code, 0);
    machine.add_a_column();
    let said = machine.gitlab("pgcleave database", nowhere);
    assert!(
        said.code == 3 && said.stdout.contains("column late was added"),
        "{}",
        said.stdout
    );
    machine.edit_a_migration();
    let (url, request) = api();
    let said = machine.gitlab("pgcleave files", &url);
    assert_eq!(said.code, 3, "{}\n{}", said.stdout, said.stderr);
    let (head, body) = request.join().unwrap();
    assert!(
        head.starts_with("POST /api/v4/projects/4/merge_requests/17/notes "),
        "{head}"
    );
    assert!(head.contains("PRIVATE-TOKEN: the-token\r\n"), "{head}");
    // A space is either, by curl's version.
    let body = body.replace("%20", "+");
    let begin = "body=%23%23%23+pgcleave+check%3A+1+of+1+table+differs%0A";
    assert!(body.starts_with(begin) && body.contains("by+hand"), "{body}");
}

#[test]
fn the_hooks_look_at_all_tables_with_every_commit() {
    let machine = Machine::new();
    let hooks: Vec<Hook> = yaml(HOOKS);
    let ids: Vec<(&str, &str)> = hooks
        .iter()
        .map(|h| (h.id.as_str(), h.language.as_str()))
        .collect();
    assert_eq!(
        ids,
        [("pgcleave-check", "rust"), ("pgcleave-check-installed", "system")]
    );
    for (id, _) in ids {
        assert!(PAGE.contains(&format!("`{id}`")), "{id}");
    }
    let program = PathBuf::from(env!("CARGO_BIN_EXE_pgcleave"));
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    let variables = Variables::from([("PATH".to_owned(), path)]);
    for hook in &hooks {
        assert!(hook.always_run && !hook.pass_filenames, "{}", hook.id);
        assert_eq!(machine.run(&hook.entry, &variables).code, 0);
    }
    machine.edit_a_migration();
    assert_eq!(machine.run(&hooks[0].entry, &variables).code, 3);
}

#[test]
fn the_page_names_this_version_and_every_key_of_the_json() {
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        PAGE.matches(&format!("PGCLEAVE_VERSION: \"{version}\"")).count(),
        2
    );
    assert_eq!(PAGE.matches(&format!("key: pgcleave-{version}\n")).count(), 3);
    assert!(PAGE.contains(&format!("rev: v{version}\n")));
    let machine = Machine::new();
    machine.edit_a_migration();
    machine.add_a_column();
    let said = machine
        .fixture
        .pgcleave
        .run(&["check", "--live", "--format", "json"]);
    let mut keys = Vec::new();
    collect_keys(&serde_json::from_str(&said.stdout).unwrap(), &mut keys);
    assert!(keys.len() > 15, "{keys:?}");
    for key in keys {
        assert!(PAGE.contains(&format!("`{key}`")), "{key}");
    }
}

fn collect_keys(value: &serde_json::Value, keys: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (key, value) in fields {
                keys.push(key.clone());
                collect_keys(value, keys);
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect_keys(item, keys)),
        _ => {}
    }
}

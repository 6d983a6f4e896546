//! The way of one run: there, back, and there again.

use anyhow::{Result, anyhow, bail};

use crate::changes::{Change, provoke};
use crate::checks::{check_all, check_leftovers, dump_schema, first_difference};
use crate::disk::TinyDisk;
use crate::drive::{Driver, Risk};
use crate::guards;
use crate::marks::truncate;
use crate::program::words;
use crate::snapshots;

/// How a journey ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    Arrived,
    /// `generate` refused the table, with this reason.
    Refused(String),
}

/// The traveller.
pub struct Journey {
    pub driver: Driver,
    steps: Vec<String>,
    dump: Option<String>,
    pub disk: Option<TinyDisk>,
    /// Only one per run.
    disk_was_full: bool,
}

impl Journey {
    pub fn new(driver: Driver) -> Self {
        Self {
            driver,
            steps: Vec::new(),
            dump: None,
            disk: None,
            disk_was_full: false,
        }
    }

    /// The whole way.
    pub fn travel(&mut self) -> Result<End> {
        self.dump = dump_schema(&self.driver.world);
        if self.dump.is_none() {
            self.count("schema dumps not possible here (pg_dump too old or missing)");
        }
        if let Some(reason) = self.generate()? {
            return Ok(End::Refused(reason));
        }
        let rounds = self.driver.rng.u8(1..4);
        for round in 0..rounds {
            self.go_forward()?;
            self.look("on the way")?;
            if round + 1 < rounds {
                self.go_back()?;
                self.look("after a rollback")?;
            }
        }
        self.finish()?;
        Ok(End::Arrived)
    }

    fn count(&self, what: &str) {
        self.driver.world.tally.count(what);
    }

    fn generate(&mut self) -> Result<Option<String>> {
        let shape = &self.driver.world.shape;
        let (premake, batch) = (shape.premake.to_string(), shape.batch.to_string());
        let mut arguments = words(&[
            "-q",
            "generate",
            &self.driver.program.table,
            "--key",
            shape.key.as_str(),
            "--interval",
            shape.interval,
            "--premake",
            &premake,
            "--batch-size",
            &batch,
            "--time-zone",
            shape.zone,
        ]);
        arguments.extend(guards::choices(shape));
        let said = self.driver.once(&arguments, None)?;
        match said.code {
            Some(0) => {}
            Some(4) => return Ok(Some(said.stderr)),
            _ => bail!("generate failed\n{}", said.tell()),
        }
        self.steps = self.driver.program.steps()?;
        self.count("conversions begun");
        Ok(None)
    }

    fn apply(&mut self, through: &str, risk: Risk) -> Result<()> {
        let mut arguments = words(&["apply", &self.driver.program.table, "--yes", "--through", through]);
        if self.driver.program.apply_knows("--jobs") {
            arguments.extend([String::from("--jobs"), self.driver.rng.u8(1..4).to_string()]);
        }
        let before = self.is_cut_over()?;
        self.driver.until_done(&arguments, risk)?;
        if !before && self.is_cut_over()? {
            self.count("cutovers");
        }
        self.check_status()
    }

    fn verify(&mut self) -> Result<()> {
        let arguments = words(&["verify", &self.driver.program.table]);
        self.driver.until_done(&arguments, Risk::Anything)?;
        self.count("verifications");
        Ok(())
    }

    fn position(&self, step: &str) -> Result<usize> {
        let found = self.steps.iter().position(|s| s == step);
        found.ok_or_else(|| anyhow!("there is no step {step}: {:?}", self.steps))
    }

    /// To the cutover mostly, with stops on the way.
    fn go_forward(&mut self) -> Result<()> {
        let mut last = self.position("drop_retired_table")? - 1;
        if self.driver.rng.u8(..100) < 50 && self.steps[last] == "move_incoming_foreign_keys" {
            last -= 1;
        }
        let target = if self.driver.rng.u8(..100) < 80 {
            last
        } else {
            self.driver.rng.usize(..=last)
        };
        self.maybe_fill_disk(target)?;
        let mut at = 0;
        while at <= target {
            if at == target || self.driver.rng.u8(..100) < 30 {
                let step = self.steps[at].clone();
                self.apply(&step, Risk::Anything)?;
                self.pass_time(at)?;
                if self.is_provoked(at)? {
                    at = 0;
                    continue;
                }
            }
            at += 1;
        }
        Ok(())
    }

    /// Whether somebody's change to the table has made us begin again.
    fn is_provoked(&mut self, at: usize) -> Result<bool> {
        let cut_over = self.position("cut_over")?;
        if at >= cut_over || self.driver.rng.u8(..100) >= 12 || self.is_cut_over()? {
            return Ok(false);
        }
        // A shaken server would answer for other reasons.
        self.driver.settle();
        let has_sync = at >= self.position("install_sync_trigger")?;
        let change = Change::draw(&mut self.driver.rng, has_sync);
        let next = self.steps[at + 1].clone();
        let again = provoke(&mut self.driver, change, &next)?;
        if again {
            self.roll_back()?;
            self.driver.world.set_odd(false);
            self.generate()?
                .map_or(Ok(()), |reason| Err(anyhow!("refused the second time: {reason}")))?;
        }
        Ok(again)
    }

    /// What else happens between two verbs.
    fn pass_time(&mut self, at: usize) -> Result<()> {
        if at >= self.position("run_batch_copy")? && self.driver.rng.u8(..100) < 40 {
            self.verify()?;
        }
        if self.driver.program.has_verb("pause") && at >= self.position("keep_in_step")? {
            self.pause_and_resume()?;
        }
        if self.driver.rng.u8(..100) < 6 {
            truncate(&self.driver.world)?;
        }
        Ok(())
    }

    fn pause_and_resume(&mut self) -> Result<()> {
        if self.driver.rng.u8(..100) < 20 {
            for verb in ["pause", "resume"] {
                let arguments = words(&[verb, &self.driver.program.table]);
                self.driver.until_done(&arguments, Risk::Peace)?;
            }
            self.count("pauses");
        }
        Ok(())
    }

    /// Only the copy's rows are on the full disk, and only while no application writes to it.
    fn maybe_fill_disk(&mut self, target: usize) -> Result<()> {
        let copying = self.position("run_batch_copy")?;
        if self.disk_was_full || target < copying || self.driver.rng.u8(..100) >= 15 {
            return Ok(());
        }
        if !matches!(
            self.driver.program.stage()?.as_deref(),
            Some("not_started" | "copy_created" | "logging" | "prepared")
        ) {
            return Ok(());
        }
        let Some(disk) = TinyDisk::mount(self.driver.world.server.socket_dir())? else {
            self.count("full disks not possible here (mount isn't permitted)");
            return Ok(());
        };
        self.disk_was_full = true;
        let before = self.steps[copying - 1].clone();
        self.apply(&before, Risk::Peace)?;
        self.move_copy_to(&disk)?;
        self.count("fault: full disk");
        let copy = words(&[
            "apply",
            &self.driver.program.table,
            "--yes",
            "--through",
            "run_batch_copy",
        ]);
        let said = self.driver.once(&copy, None)?;
        let full = said.stderr.contains("No space left") || said.stderr.contains("could not extend");
        if !said.is_done() && !full {
            bail!("the disk is full, and pgcleave doesn't say so\n{}", said.tell());
        }
        disk.grow()?;
        self.disk = Some(disk);
        Ok(())
    }

    fn move_copy_to(&self, disk: &TinyDisk) -> Result<()> {
        let world = &self.driver.world;
        let mut client = world.connect("torture_disk")?;
        let place = disk.place().display().to_string();
        client.batch_execute(&format!("CREATE TABLESPACE tiny LOCATION '{place}'"))?;
        client.batch_execute("GRANT CREATE ON TABLESPACE tiny TO PUBLIC")?;
        let partitions = client.query(
            "SELECT format('ALTER TABLE %I.%I SET TABLESPACE tiny', n.nspname, c.relname) FROM pg_inherits i
             JOIN pg_class p ON p.oid = i.inhparent JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE p.relname LIKE '%\\_pgcleave\\_copy' AND p.relkind = 'p'",
            &[],
        )?;
        for row in partitions {
            client.batch_execute(&row.get::<_, String>(0))?;
        }
        Ok(())
    }

    /// Undoes the cutover, some steps, or everything.
    fn go_back(&mut self) -> Result<()> {
        let done = self.is_cut_over()?;
        match self.driver.rng.u8(..10) {
            0..=4 => self.roll_back_to("verify_copy")?,
            5..=6 => {
                let last = self.position("verify_copy")?;
                let step = self.steps[self.driver.rng.usize(..=last)].clone();
                self.roll_back_to(&step)?;
            }
            _ => {
                self.roll_back()?;
                if self.driver.rng.bool() {
                    self.generate()?
                        .map_or(Ok(()), |reason| Err(anyhow!("refused the second time: {reason}")))?;
                }
            }
        }
        if done {
            self.count("rollbacks of the cutover");
        }
        self.check_status()
    }

    fn roll_back_to(&mut self, step: &str) -> Result<()> {
        let arguments = words(&["rollback", &self.driver.program.table, "--yes", "--to", step]);
        self.driver.until_done(&arguments, Risk::Anything).map(drop)
    }

    fn roll_back(&mut self) -> Result<()> {
        let arguments = words(&["rollback", &self.driver.program.table, "--yes"]);
        self.driver.until_done(&arguments, Risk::Anything)?;
        self.count("rollbacks to the start");
        check_leftovers(&self.driver.world)?;
        if let Some(before) = &self.dump
            && let Some(after) = dump_schema(&self.driver.world)
            && let Some(difference) = first_difference(before, &after)
        {
            self.driver.world.tally.complain(
                "other failures",
                format!("the schema after a rollback to the start: {difference}"),
            );
        }
        Ok(())
    }

    /// Where the run ends.
    fn finish(&mut self) -> Result<()> {
        let world = std::sync::Arc::clone(&self.driver.world);
        match self.driver.rng.u8(..10) {
            0..=3 => self.roll_back()?,
            4..=6 => {
                self.apply("drop_retired_table", Risk::Anything)?;
                self.count("retired tables dropped");
                snapshots::watch_guards(&world)?;
            }
            _ => self.apply("cut_over", Risk::Anything)?,
        }
        self.driver.settle();
        self.look("at the end")
    }

    /// Holds the writers and looks at everything.
    fn look(&mut self, when: &str) -> Result<()> {
        let world = std::sync::Arc::clone(&self.driver.world);
        let stage = self.driver.program.stage()?.unwrap_or_default();
        let when = format!("{when}, at stage {stage}");
        let _alone = world.pause.write().unwrap_or_else(|e| e.into_inner());
        check_all(&world, &when)?;
        // The last look at both sides must not be lost to a lock holder.
        for _ in 0..10 {
            if snapshots::compare_once(&world).is_ok() {
                break;
            }
        }
        Ok(())
    }

    fn is_cut_over(&self) -> Result<bool> {
        let world = &self.driver.world;
        let sql = "SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass($1)";
        // Once more after a crash in between.
        let mut answer = Err(anyhow!("never asked"));
        for _ in 0..3 {
            let mut client = world.connect("torture_checks")?;
            answer = client
                .query_one(sql, &[&world.shape.table.to_string()])
                .map_err(anyhow::Error::from);
            if answer.is_ok() {
                break;
            }
        }
        Ok(answer?.get(0))
    }

    /// No half state: the stage and the kind of the relation agree.
    fn check_status(&mut self) -> Result<()> {
        let cut = self.is_cut_over()?;
        let Some(stage) = self.driver.program.stage()? else {
            if self.driver.world.is_shaken() {
                return Ok(());
            }
            bail!("status fails");
        };
        if cut != ["cut_over", "completed"].contains(&stage.as_str()) && !stage.contains("cutover") {
            self.driver.world.tally.complain(
                "other failures",
                format!("status says {stage}, and partitioned is {cut}"),
            );
        }
        Ok(())
    }
}

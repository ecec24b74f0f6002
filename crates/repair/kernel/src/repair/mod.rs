//! Repairs the metadata of a pool that is down: into a new file or volume, which takes the place of
//! the old one only when nothing is missing in it, or when a person said so.
//!
//! Whatever ends this, the metadata are the damaged ones or the repaired ones, whole.

mod copy;
mod home;
#[cfg(test)]
mod tests;
mod tools;

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use home::{Home, InFile, InVolume};
use mvm_core::catalogue::{repair as messages, teardown};
use mvm_core::exec::{self, Execute};
use mvm_core::{Finding, Roots};
use mvm_pool_kernel::thinpool::lock;
use mvm_pool_kernel::{Error, files, observe};
use mvm_pool_plan::thinpool::{Pool, Superblock, with_transaction};
use mvm_pool_plan::{Backend, Observation};
use mvm_repair_plan::repair::{self, Loss, Subject};
use mvm_repair_plan::{loopback, lvm};
use nix::libc;
use tools::Tools;

/// A database of devices is some kibibytes for each of them.
const DATABASE: u64 = 64 << 20;

/// The options of `mvmhost pool repair`.
#[derive(Debug, Clone, Default)]
pub struct RepairOptions {
    /// Try it, and leave nothing behind.
    pub dry_run: bool,
    /// Accept the losses of the result that this word stands for.
    pub accept: Option<String>,
}

/// What a repair did, or why it did nothing.
#[derive(Debug, Default)]
pub struct Report {
    /// What there is to say.
    pub findings: Vec<Finding>,
    /// What the result lacks.
    pub losses: Vec<Loss>,
    /// The word that accepts that.
    pub token: Option<String>,
    /// Where the damaged metadata are kept.
    pub backup: Option<PathBuf>,
    /// Nothing was done, in order not to lose data.
    pub refused: bool,
}

impl Report {
    fn refused(findings: Vec<Finding>) -> Self {
        Self { findings, refused: true, ..Self::default() }
    }

    fn of(finding: Finding) -> Self {
        Self { findings: vec![finding], ..Self::default() }
    }
}

/// Repairs the pool's metadata.
///
/// # Errors
/// When something cannot be read, copied or written; the metadata are then as they were.
pub fn repair(roots: &Roots, backend: &Backend, options: &RepairOptions) -> Result<Report, Error> {
    let _lock = lock(roots)?;
    let observation = observe(roots, backend)?;
    run(roots, &exec::System, &observation, options)
}

fn run(
    roots: &Roots,
    programs: &dyn Execute,
    observation: &Observation<'_>,
    options: &RepairOptions,
) -> Result<Report, Error> {
    match observation {
        Observation::Loop(desired, observed) => match loopback::subject(desired, observed) {
            Ok(subject) => repair_in(roots, programs, &subject, options, || {
                Ok(InFile { roots, desired, observed })
            }),
            Err(refused) => Ok(Report::refused(refused)),
        },
        Observation::Lvm(desired, observed) => match lvm::subject(desired, observed) {
            Ok((subject, lvm_state)) => repair_in(roots, programs, &subject, options, || {
                let lvm = mvm_pool_kernel::lvm::lvm(roots, programs)?;
                Ok(InVolume { roots, desired, lvm_state, lvm, active: Cell::new(false) })
            }),
            Err(refused) => Ok(Report::refused(refused)),
        },
        Observation::External(desired, _) => {
            let finding = repair::not_repairable(&desired.pool, "somebody else makes it");
            Ok(Report::refused(vec![finding]))
        }
    }
}

fn repair_in<H: Home>(
    roots: &Roots,
    programs: &dyn Execute,
    subject: &Subject<'_>,
    options: &RepairOptions,
    home: impl FnOnce() -> Result<H, Error>,
) -> Result<Report, Error> {
    let pool = subject.pool;
    let Some(tools) = Tools::find(roots, programs) else {
        let missing = mvm_core::catalogue::pool::thin_check_missing(&pool.name);
        return Ok(Report::of(missing));
    };
    let database = match database(&roots.at(pool.device_database())) {
        Ok(database) => database,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(busy(pool)),
        Err(source) => return Err(look(&pool.device_database(), source)),
    };
    let home = home()?;
    let work = Work { roots, subject, tools, home: &home };
    let report = work.run(options, database.as_ref().map(|database| database.bytes.as_slice()));
    let closed = home.close();
    report.and_then(|report| closed.map(|()| report))
}

fn busy(pool: &Pool) -> Report {
    let path = pool.device_database().display().to_string();
    let finding = messages::database_busy(path, &pool.name, pool.units());
    Report::refused(vec![finding])
}

/// containerd's database of devices, which it cannot open as long as this lives.
struct Database {
    bytes: Vec<u8>,
    _locked: File,
}

/// The database; `None` when there is none.
///
/// # Errors
/// Of kind `WouldBlock` while containerd has it open.
fn database(path: &Path) -> io::Result<Option<Database>> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let mut file = match File::options().read(true).custom_flags(flags).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    file.try_lock_shared()?;
    let mut bytes = Vec::new();
    (&mut file).take(DATABASE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > DATABASE {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than any such database"));
    }
    Ok(Some(Database { bytes, _locked: file }))
}

fn look(path: &Path, source: io::Error) -> Error {
    Error::Look { path: path.to_owned(), source }
}

/// One repair: `subject` is the pool, `home` where its metadata are.
struct Work<'a> {
    roots: &'a Roots,
    subject: &'a Subject<'a>,
    tools: Tools<'a>,
    home: &'a dyn Home,
}

impl Work<'_> {
    fn run(&self, options: &RepairOptions, database: Option<&[u8]>) -> Result<Report, Error> {
        let metadata = self.home.open()?;
        if self.tools.check(&metadata)? {
            if !options.dry_run {
                self.home.tidy()?;
                let _ = fs::remove_file(self.roots.at(self.subject.result()));
            }
            return Ok(Report::of(teardown::checked(&self.subject.pool.name)));
        }
        let original = copy::digest(&metadata).map_err(|source| look(&metadata, source))?;
        let backup = self.roots.at(self.subject.backup_path(&original));
        let had_backup = backup.exists();
        let report = self.try_out(options, database, &metadata, &original);
        if options.dry_run {
            let _ = fs::remove_file(self.roots.at(self.subject.result()));
            if !had_backup {
                let _ = fs::remove_file(backup);
            }
        }
        report
    }

    fn try_out(
        &self,
        options: &RepairOptions,
        database: Option<&[u8]>,
        metadata: &Path,
        original: &[u8; 32],
    ) -> Result<Report, Error> {
        let result = self.roots.at(self.subject.result());
        let backup = self.subject.backup_path(original);
        let there = self.roots.at(&backup);
        // A person accepts the result that is there; whatever else is there may be half of one.
        let token = |result: &Path| copy::digest(result).map(|sum| repair::token(original, &sum));
        let accepted = options.accept.is_some() && token(&result).ok() == options.accept;
        self.keep(metadata, &there, original)?;
        let outcome = if accepted { self.fits(&result)? } else { self.make(&there, &result)? };
        if let Err(why) = outcome {
            return Ok(self.failed(&why));
        }
        let Some(after) = self.tools.list(&result)? else {
            return Ok(self.failed("what is in the result cannot be listed"));
        };
        let before = self.tools.list(&there)?;
        let devices = repair::recorded_devices_of(self.subject.pool, database);
        let losses = repair::losses(devices, before.as_ref(), &after);
        let token = token(&result).map_err(|source| look(&result, source))?;
        match &options.accept {
            _ if losses.is_empty() && options.dry_run => {
                return Ok(Report::of(messages::repairable(&self.subject.pool.name)));
            }
            _ if losses.is_empty() => {}
            Some(accepted_token) if *accepted_token == token => {}
            accepted_token => {
                return Ok(self.lossy(options, losses, &backup, token, accepted_token.as_deref()));
            }
        }
        self.home.swap(&result)?;
        let _ = fs::remove_file(&result);
        let finding =
            messages::repaired(&self.subject.pool.name, backup.display()).evidence(text(&losses));
        Ok(Report { losses, backup: Some(backup), ..Report::of(finding) })
    }

    /// Nothing came of it; what there is of a result is of no use.
    fn failed(&self, why: &str) -> Report {
        let _ = fs::remove_file(self.roots.at(self.subject.result()));
        Report::of(self.subject.failed(why))
    }

    fn lossy(
        &self,
        options: &RepairOptions,
        losses: Vec<Loss>,
        backup: &Path,
        token: String,
        accepted_token: Option<&str>,
    ) -> Report {
        let token = (!options.dry_run).then_some(token);
        let mut report = Report::refused(Vec::new());
        if let Some(accepted_token) = accepted_token {
            let other = messages::other_token(&self.subject.pool.name, accepted_token);
            report.findings.push(other);
        }
        report.findings.push(repair::lossy(self.subject, &losses, backup, token.as_deref()));
        let backup = (!options.dry_run).then(|| backup.to_owned());
        Report { losses, token, backup, ..report }
    }

    /// Whether this file is a copy of the damaged metadata.
    fn is_whole(&self, backup: &Path, original: &[u8; 32]) -> Result<bool, Error> {
        match copy::digest(backup) {
            Ok(digest) => Ok(digest == *original),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(look(backup, source)),
        }
    }

    /// The copy from which everything else is made.
    fn keep(&self, metadata: &Path, backup: &Path, original: &[u8; 32]) -> Result<(), Error> {
        let failed =
            |source| Error::Copy { path: metadata.to_owned(), to: backup.to_owned(), source };
        if self.is_whole(backup, original)? {
            return Ok(());
        }
        copy::copy(metadata, backup).map_err(failed)?;
        match self.is_whole(backup, original)? {
            true => Ok(()),
            false => Err(failed(io::Error::other("the copy is not like the original"))),
        }
    }

    /// Repairs into a new file, a second time with what is known of the pool; the inner error is for
    /// people.
    fn make(&self, backup: &Path, result: &Path) -> Result<Result<(), String>, Error> {
        let failed = |source| Error::CreateFile { path: result.to_owned(), size: 0, source };
        let new = || {
            match fs::remove_file(result) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            copy::create(result, backup)
        };
        // Where a root is lost every block of the file is read, and most of it is holes.
        let head = result.with_extension("head");
        let copied = copy::head(backup, &head);
        copied.map_err(|source| Error::Copy {
            path: backup.to_owned(),
            to: head.clone(),
            source,
        })?;
        let attempt = |more: &[String]| {
            new().map_err(failed)?;
            match self.tools.repair(&head, result, more)? {
                Ok(()) => self.expected(backup, result).and_then(|()| self.fits(result)),
                repaired => Ok(repaired),
            }
        };
        let mut outcome = attempt(&[])?;
        if let (Err(_), Some(outline)) = (&outcome, self.subject.outline) {
            outcome = attempt(&outline.overrides())?;
        }
        let _ = fs::remove_file(head);
        Ok(outcome)
    }

    /// Gives the result the transaction without which LVM would not activate it.
    fn expected(&self, backup: &Path, result: &Path) -> Result<(), Error> {
        let damaged = files::superblock(backup)?;
        let outline = self.subject.outline.as_ref();
        let Some(transaction) = repair::transaction(outline, &damaged) else {
            return Ok(());
        };
        let change = || {
            let file = File::options().read(true).write(true).open(result)?;
            let mut block = [0; Superblock::LENGTH];
            file.read_exact_at(&mut block, 0)?;
            with_transaction(&block, transaction)
                .map_or(Ok(()), |changed| file.write_all_at(&changed, 0))
        };
        change().map_err(|source| Error::CreateFile { path: result.to_owned(), size: 0, source })
    }

    /// Whether these are metadata of this pool, and whole; the inner error is for people.
    fn fits(&self, result: &Path) -> Result<Result<(), String>, Error> {
        files::sync(result)?;
        if !self.tools.check(result)? {
            return Ok(Err("thin_check finds what thin_repair wrote damaged too".to_owned()));
        }
        let Superblock::Pool(superblock) = files::superblock(result)? else {
            return Ok(Err("what thin_repair wrote is no metadata".to_owned()));
        };
        Ok(repair::misfit(self.subject, &superblock).map_or(Ok(()), Err))
    }
}

fn text(losses: &[Loss]) -> String {
    losses.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

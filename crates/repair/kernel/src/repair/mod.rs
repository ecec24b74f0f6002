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
pub struct Asked {
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
pub fn repair(roots: &Roots, backend: &Backend, asked: &Asked) -> Result<Report, Error> {
    let _lock = lock(roots)?;
    let observation = observe(roots, backend)?;
    run(roots, &exec::System, &observation, asked)
}

fn run(
    roots: &Roots,
    programs: &dyn Execute,
    observation: &Observation<'_>,
    asked: &Asked,
) -> Result<Report, Error> {
    match observation {
        Observation::Loop(desired, observed) => match loopback::subject(desired, observed) {
            Ok(subject) => repair_in(roots, programs, &subject, asked, || {
                Ok(InFile { roots, desired, observed })
            }),
            Err(refused) => Ok(Report::refused(refused)),
        },
        Observation::Lvm(desired, observed) => match lvm::subject(desired, observed) {
            Ok((subject, seen)) => repair_in(roots, programs, &subject, asked, || {
                let lvm = mvm_pool_kernel::lvm::lvm(roots, programs)?;
                Ok(InVolume { roots, desired, seen, lvm, active: Cell::new(false) })
            }),
            Err(refused) => Ok(Report::refused(refused)),
        },
        Observation::External(desired, _) => {
            let theirs = repair::not_repairable(&desired.pool, "somebody else makes it");
            Ok(Report::refused(vec![theirs]))
        }
    }
}

fn repair_in<H: Home>(
    roots: &Roots,
    programs: &dyn Execute,
    subject: &Subject<'_>,
    asked: &Asked,
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
    let report = work.run(asked, database.as_ref().map(|database| database.bytes.as_slice()));
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
    fn run(&self, asked: &Asked, database: Option<&[u8]>) -> Result<Report, Error> {
        let metadata = self.home.open()?;
        if self.tools.check(&metadata)? {
            if !asked.dry_run {
                self.home.tidy()?;
                let _ = fs::remove_file(self.roots.at(self.subject.result()));
            }
            return Ok(Report::of(teardown::checked(&self.subject.pool.name)));
        }
        let original = copy::digest(&metadata).map_err(|source| look(&metadata, source))?;
        let backup = self.roots.at(self.subject.backup_path(&original));
        let had_backup = backup.exists();
        let report = self.try_out(asked, database, &metadata, &original);
        if asked.dry_run {
            let _ = fs::remove_file(self.roots.at(self.subject.result()));
            if !had_backup {
                let _ = fs::remove_file(backup);
            }
        }
        report
    }

    fn try_out(
        &self,
        asked: &Asked,
        database: Option<&[u8]>,
        metadata: &Path,
        original: &[u8; 32],
    ) -> Result<Report, Error> {
        let result = self.roots.at(self.subject.result());
        let backup = self.subject.backup_path(original);
        let there = self.roots.at(&backup);
        // A person accepts the result that is there; whatever else is there may be half of one.
        let token = |result: &Path| copy::digest(result).map(|sum| repair::token(original, &sum));
        let accepted = asked.accept.is_some() && token(&result).ok() == asked.accept;
        self.keep(metadata, &there, original)?;
        let made = if accepted { self.fits(&result)? } else { self.make(&there, &result)? };
        if let Err(why) = made {
            return Ok(self.failed(&why));
        }
        let Some(after) = self.tools.list(&result)? else {
            return Ok(self.failed("what is in the result cannot be listed"));
        };
        let before = self.tools.list(&there)?;
        let known = repair::known_of(self.subject.pool, database);
        let losses = repair::losses(known, before.as_ref(), &after);
        let token = token(&result).map_err(|source| look(&result, source))?;
        match &asked.accept {
            _ if losses.is_empty() && asked.dry_run => {
                return Ok(Report::of(messages::repairable(&self.subject.pool.name)));
            }
            _ if losses.is_empty() => {}
            Some(given) if *given == token => {}
            given => return Ok(self.lossy(asked, losses, &backup, token, given.as_deref())),
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
        asked: &Asked,
        losses: Vec<Loss>,
        backup: &Path,
        token: String,
        given: Option<&str>,
    ) -> Report {
        let token = (!asked.dry_run).then_some(token);
        let mut report = Report::refused(Vec::new());
        if let Some(given) = given {
            let other = messages::other_token(&self.subject.pool.name, given);
            report.findings.push(other);
        }
        report.findings.push(repair::lossy(self.subject, &losses, backup, token.as_deref()));
        let backup = (!asked.dry_run).then(|| backup.to_owned());
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
        let mut made = attempt(&[])?;
        if let (Err(_), Some(known)) = (&made, self.subject.known) {
            made = attempt(&known.overrides())?;
        }
        let _ = fs::remove_file(head);
        Ok(made)
    }

    /// Gives the result the transaction without which LVM would not activate it.
    fn expected(&self, backup: &Path, result: &Path) -> Result<(), Error> {
        let damaged = files::superblock(backup)?;
        let known = self.subject.known.as_ref();
        let Some(transaction) = repair::transaction(known, &damaged) else {
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

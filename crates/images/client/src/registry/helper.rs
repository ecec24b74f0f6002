//! Asking docker's credential helpers.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mvm_core::Roots;
use mvm_core::exec::{Execute, Limits, System, find};
use mvm_images_plan::auth::{Helper, Reply};

/// For one question: helpers of clouds ask a server of theirs.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Where helpers are, and what they are told.
#[derive(Debug, Clone)]
pub struct Helpers {
    /// Their programs are looked up below it.
    pub roots: Roots,
    /// The file that names them.
    pub file: PathBuf,
    /// How long one may take.
    pub timeout: Duration,
}

impl Helpers {
    /// For the login file at `file`; a helper may take 30 s.
    pub fn new(roots: Roots, file: PathBuf) -> Self {
        Self { roots, file, timeout: TIMEOUT }
    }

    /// Asks one. What it writes is neither kept nor shown.
    ///
    /// # Errors
    /// Why there is no answer, in words that follow the helper's name.
    pub(super) fn ask(&self, helper: &Helper) -> Result<Reply, String> {
        if is_writable_by_others(&self.file) {
            let file = self.file.display();
            return Err(format!("is not run, because others than root can write {file}"));
        }
        let program = helper.program().ok_or("is no name of a program")?;
        let path = find(&self.roots, &program)
            .ok_or(format!("needs {program}, which is not installed"))?;
        let mut limits = Limits {
            input: Some(helper.server.as_bytes()),
            environment: environment(&self.file),
            ..Limits::timeout(self.timeout)
        };
        match System.run(&path, &[OsStr::new("get")], &mut limits) {
            Ok(exit) => match Reply::read(exit.success(), &exit.stdout) {
                Reply::Failed if exit.success() => Err("answers with no login".to_owned()),
                Reply::Failed => {
                    let code =
                        exit.code.map_or("a signal".to_owned(), |code| format!("exit code {code}"));
                    Err(format!("ends with {code}"))
                }
                reply => Ok(reply),
            },
            Err(mvm_core::Error::TimedOut { .. }) => {
                Err(format!("has no answer after {} s", self.timeout.as_secs()))
            }
            Err(_) => Err(format!("needs {program}, which cannot be started")),
        }
    }
}

/// Who can write the file has its helpers run as root.
fn is_writable_by_others(file: &Path) -> bool {
    file.metadata().is_ok_and(|file| file.mode() & 0o022 != 0 || !is_ours(file.uid()))
}

/// root's, or whoever runs this, which is root but in tests.
fn is_ours(uid: u32) -> bool {
    uid == 0 || std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == uid)
}

/// All variables of this process, because those of a cloud's helper are its own; a home, which units
/// have none of, and the folder of the file.
fn environment(file: &Path) -> Vec<(OsString, OsString)> {
    let mut all: Vec<_> =
        std::env::vars_os().filter(|(name, _)| name != "PATH" && name != "LC_ALL").collect();
    if std::env::var_os("HOME").is_none() {
        all.push(("HOME".into(), "/root".into()));
    }
    if let Some(folder) = file.parent() {
        all.push(("DOCKER_CONFIG".into(), folder.into()));
    }
    all
}

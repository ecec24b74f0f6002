//! Guests that begin where another one was saved.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tempfile::TempDir;

use super::{Guest, Options, ROOT};
use crate::image::Image;
use crate::leaks;
use crate::machine::Machine;
use crate::ssh::Ssh;
use crate::tools;

/// A few gigabytes, beside what else the disk does.
const COPY_LIMIT: Duration = Duration::from_secs(300);

/// A copy of a guest's disks, which hold the states that [`Guest::save`] kept.
#[derive(Debug, Clone)]
pub struct Template {
    image: Image,
    files: Arc<Files>,
}

#[derive(Debug)]
struct Files {
    options: Options,
    scratch: TempDir,
    _lock: File,
}

impl Guest {
    /// Copies the disks of a guest that is on.
    ///
    /// # Errors
    /// There is no room.
    pub fn template(&mut self) -> Result<Template> {
        let (scratch, lock) = leaks::new_scratch()?;
        // A machine that stands still has written everything to its files.
        self.monitor("stop")?;
        copy_disks(self.scratch.path(), scratch.path())?;
        self.monitor("cont")?;
        let files = Arc::new(Files { options: self.options.clone(), scratch, _lock: lock });
        Ok(Template { image: self.image.clone(), files })
    }

    /// A guest on a copy of its own; [`Guest::restore`] brings it to a saved state.
    ///
    /// # Errors
    /// There is no room, or QEMU does not start.
    pub fn from_template(template: &Template) -> Result<Self> {
        let (scratch, lock) = leaks::new_scratch()?;
        copy_disks(template.files.scratch.path(), scratch.path())?;
        let image = template.image.clone();
        let ssh = Ssh::new(&image.key(), &scratch.path().join("ssh"));
        let options = template.files.options.clone();
        let root = scratch.path().join(ROOT);
        let mut guest = Self { ssh, machine: None, options, image, root, _lock: lock, scratch };
        guest.switch_on()?;
        Ok(guest)
    }

    /// [`Guest::load`], also for a guest that is off or whose QEMU has ended.
    ///
    /// # Errors
    /// As [`Guest::load`], or QEMU does not start.
    pub fn restore(&mut self, tag: &str) -> Result<()> {
        if !self.machine.as_mut().is_some_and(Machine::alive) {
            self.machine = None;
            self.ssh.disconnect();
            self.switch_on()?;
        }
        self.load(tag)
    }
}

fn copy_disks(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "qcow2") {
            let mut copy = Command::new("cp");
            copy.args(["--reflink=auto", "--sparse=always"]).arg(&path).arg(to);
            tools::ok(&mut copy, COPY_LIMIT)?;
        }
    }
    Ok(())
}

//! What can go wrong, one variant for each operation; the cause is the `source`.

use std::io;
use std::path::PathBuf;

use crate::Operation;

/// An operation of this crate that failed. The cause is in `source()` and not repeated here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file, directory or file system could not be looked at.
    #[error("cannot look at {}", path.display())]
    Look {
        /// The file, directory or file system.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// A loop device could not be asked what is behind it.
    #[error("cannot ask /dev/{device} for its file")]
    LoopStatus {
        /// The device, such as `loop0`.
        device: String,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// A loop device could not be made to show the whole of its file.
    #[error("/dev/{device} cannot take the new length of its file")]
    LoopResize {
        /// The device, such as `loop0`.
        device: String,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// A loop device could not be taken off its file.
    #[error("cannot detach /dev/{device}")]
    LoopDetach {
        /// The device, such as `loop0`.
        device: String,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// The space for a pool that grows could not be had.
    #[error("cannot allocate {} up to {size} bytes", path.display())]
    Allocate {
        /// The data file.
        path: PathBuf,
        /// Its length in bytes.
        size: u64,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// A pool of this kind, or in this state, is not grown.
    #[error("{name} is not grown: {why}")]
    NotGrowable {
        /// The device-mapper name.
        name: String,
        /// Words that follow the name and a colon.
        why: &'static str,
    },
    /// The kernel's device-mapper events could not be waited for.
    #[error("cannot wait for events of device-mapper")]
    Events {
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// device-mapper refused.
    #[error("device-mapper cannot {operation} {name}")]
    Mapper {
        /// What it was asked to do.
        operation: Operation,
        /// The device-mapper name.
        name: String,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// A directory could not be made.
    #[error("cannot create directory {}", path.display())]
    CreateDirectory {
        /// The directory; those above it may be missing, too.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// A file could not be made.
    #[error("cannot create {} with {size} bytes", path.display())]
    CreateFile {
        /// The file; that it is there already is an error, too.
        path: PathBuf,
        /// Its length in bytes.
        size: u64,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// An unused file could not be made longer.
    #[error("cannot extend {} to {size} bytes", path.display())]
    ExtendFile {
        /// The metadata or the data file.
        path: PathBuf,
        /// Its length in bytes.
        size: u64,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// thin_check could not be run.
    #[error("cannot check {}", path.display())]
    Check {
        /// The metadata file.
        path: PathBuf,
        /// What a file or a program of the host answered.
        #[source]
        source: mvm_core::Error,
    },
    /// thin_check did not find the metadata in order.
    #[error("{} finds {} damaged ({outcome})", program.display(), path.display())]
    CheckFailed {
        /// The path of thin_check.
        program: PathBuf,
        /// The metadata file.
        path: PathBuf,
        /// Exit code or signal, version, and the end of what it said.
        outcome: String,
    },
    /// One of the thin-provisioning-tools could not be run.
    #[error("cannot run {}", program.display())]
    Tool {
        /// The tool's path, such as that of thin_repair.
        program: PathBuf,
        /// What a file or a program of the host answered.
        #[source]
        source: mvm_core::Error,
    },
    /// Metadata could not be copied.
    #[error("cannot copy {} to {}", path.display(), to.display())]
    Copy {
        /// The metadata file.
        path: PathBuf,
        /// Where the copy was to be written.
        to: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// Repaired metadata could not take the place of the damaged ones.
    #[error("cannot replace {}", path.display())]
    Swap {
        /// The metadata file.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// The kernel has no loop device to give.
    #[error("there is no free loop device for {}", path.display())]
    NoFreeLoop {
        /// The file that needs one.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// A file could not be put behind a loop device.
    #[error("cannot attach {} to a loop device", path.display())]
    Attach {
        /// The metadata or the data file.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// A loop device that was attached a moment ago is not any more.
    #[error("/dev/{device} is no longer attached to {}", path.display())]
    Detached {
        /// The device, such as `loop0`.
        device: String,
        /// The metadata or the data file.
        path: PathBuf,
    },
    /// A plan activates a pool without attaching both of its files first.
    #[error("no loop device was attached for the {role} of the pool")]
    NotAttached {
        /// The half that is missing.
        role: mvm_pool_plan::thinpool::Role,
    },
    /// Metadata could not be brought to stable storage.
    #[error("cannot sync {}", path.display())]
    Sync {
        /// The metadata file.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// What was read back after the activation is not the metadata of this pool.
    #[error("{} reads back as {found} after the activation", path.display())]
    ReadBack {
        /// The metadata file.
        path: PathBuf,
        /// Such as `blank` or `a pool of 128 sectors a block`.
        found: String,
    },
    /// udev did not make the pool's node.
    #[error("{} does not open as device {number}", path.display())]
    Node {
        /// `/dev/mapper/NAME`.
        path: PathBuf,
        /// The device that it should be.
        number: String,
    },
    /// The pool that was to be recorded is not live.
    #[error("{name} cannot be recorded: it is not live on its files")]
    NotLive {
        /// The device-mapper name.
        name: String,
    },
    /// The receipt could not be written; the old one, if any, is as it was.
    #[error("cannot write the receipt")]
    Receipt {
        /// What a file or a program of the host answered.
        #[source]
        source: mvm_core::Error,
    },
    /// The receipt could not be put into JSON, or the one that is there is not an object.
    #[error("cannot encode the receipt")]
    Encode {
        /// Where the text is no JSON, or has another form.
        #[source]
        source: serde_json::Error,
    },
    /// Another run could not be kept out.
    #[error("cannot lock {}", path.display())]
    Lock {
        /// The lock's file.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// A command of LVM, or wipefs, could not be run.
    #[error("cannot run {command}")]
    Command {
        /// Such as `lvchange`.
        command: String,
        /// What a file or a program of the host answered.
        #[source]
        source: mvm_core::Error,
    },
    /// A command of LVM, or wipefs, failed.
    #[error("{command} failed ({outcome})")]
    CommandFailed {
        /// Such as `lvchange`.
        command: String,
        /// Exit code or signal, and the end of what it said.
        outcome: String,
    },
    /// What a command wrote is not the report that it should be.
    #[error("{command} wrote no report: {why}")]
    Report {
        /// Such as `lvs`.
        command: String,
        /// `it is too long`, or where the JSON is not what it should be.
        why: String,
    },
    /// LVM's profile could not be written.
    #[error("cannot write the profile")]
    Profile {
        /// What a file or a program of the host answered.
        #[source]
        source: mvm_core::Error,
    },
    /// A thin device does not do what it is for.
    #[error("cannot {operation} {name}")]
    Thin {
        /// `read`, `write to` or `discard on`.
        operation: &'static str,
        /// The device-mapper name.
        name: String,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// What was read is not what was written.
    #[error("{name} does not read back as it was written")]
    Changed {
        /// The device-mapper name.
        name: String,
    },
    /// What was made could not be noted.
    #[error("cannot note what has to be taken away again")]
    Note {
        /// What a file or a program of the host answered.
        #[source]
        source: mvm_core::Error,
    },
    /// A step failed, and so did taking back what had been done before it.
    #[error("after a failure, what was done before could not be taken back ({undo})")]
    Undo {
        /// Why the taking back failed, with its causes.
        undo: String,
        /// The first failure.
        #[source]
        source: Box<Error>,
    },
}

impl Error {
    /// The kernel's error number, where device-mapper gave one.
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Mapper { source, .. } => source.raw_os_error(),
            _ => None,
        }
    }

    /// This error and its causes on one line.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string().replace('\n', " "));
            cause = error.source();
        }
        text
    }
}

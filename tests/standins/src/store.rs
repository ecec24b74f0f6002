//! MicroVMs on disk: one JSON file each, `<state-dir>/standin/<uid>.json`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context as _, Result};
use prost::Message as _;
use serde::{Deserialize, Serialize};

use crate::api::flintlock::types::{MicroVm, micro_vm_status::MicroVmState};

/// What a file holds: fields for the reader's eye, and the whole message.
#[derive(Serialize, Deserialize)]
struct Record {
    uid: String,
    namespace: String,
    name: String,
    state: String,
    retry: i32,
    version: i32,
    /// The encoded `flintlock.types.MicroVM`.
    microvm: String,
}

/// All microVMs of one state directory.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    lock: Mutex<()>,
}

impl Store {
    /// Opens or makes the store of `state_dir`.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn open(state_dir: &Path) -> Result<Self> {
        let folder = state_dir.join("standin");
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(Self { folder, lock: Mutex::new(()) })
    }

    /// Every microVM, in the order of their uids.
    ///
    /// # Errors
    /// A file cannot be read or holds something else.
    pub fn list(&self) -> Result<Vec<MicroVm>> {
        let _guard = self.lock.lock();
        let mut paths: Vec<PathBuf> = fs::read_dir(&self.folder)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort();
        paths.iter().map(|path| read(path)).collect()
    }

    /// The microVM with this uid.
    ///
    /// # Errors
    /// Its file cannot be read or holds something else.
    pub fn get(&self, uid: &str) -> Result<Option<MicroVm>> {
        Ok(self.list()?.into_iter().find(|vm| uid_of(vm) == uid))
    }

    /// Writes `vm` as its next version: wholly or not at all.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, vm: &mut MicroVm) -> Result<()> {
        let _guard = self.lock.lock();
        vm.version += 1;
        let status = vm.status.clone().unwrap_or_default();
        let spec = vm.spec.clone().unwrap_or_default();
        let record = Record {
            uid: uid_of(vm),
            namespace: spec.namespace,
            name: spec.id,
            state: status.state().as_str_name().to_owned(),
            retry: status.retry,
            version: vm.version,
            microvm: hex(&vm.encode_to_vec()),
        };
        let path = self.path(&record.uid);
        let new = path.with_extension("new");
        fs::write(&new, serde_json::to_string_pretty(&record)?)?;
        fs::File::open(&new)?.sync_all()?;
        fs::rename(&new, &path).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Forgets a microVM.
    ///
    /// # Errors
    /// Its file cannot be removed.
    pub fn remove(&self, uid: &str) -> Result<()> {
        let _guard = self.lock.lock();
        fs::remove_file(self.path(uid)).map_err(Into::into)
    }

    fn path(&self, uid: &str) -> PathBuf {
        self.folder.join(format!("{uid}.json"))
    }
}

/// The uid that flintlockd gave, or nothing.
#[must_use]
pub fn uid_of(vm: &MicroVm) -> String {
    vm.spec.as_ref().and_then(|spec| spec.uid.clone()).unwrap_or_default()
}

/// `<namespace>/<name>/<uid>`, as in flintlockd's log.
#[must_use]
pub fn vmid(vm: &MicroVm) -> String {
    let spec = vm.spec.clone().unwrap_or_default();
    format!("{}/{}/{}", spec.namespace, spec.id, spec.uid.unwrap_or_default())
}

/// The state, pending when there is none.
#[must_use]
pub fn state_of(vm: &MicroVm) -> MicroVmState {
    vm.status.as_ref().map_or(MicroVmState::Pending, |status| status.state())
}

fn read(path: &Path) -> Result<MicroVm> {
    let text = fs::read_to_string(path)?;
    let record: Record =
        serde_json::from_str(&text).with_context(|| format!("cannot read {}", path.display()))?;
    let bytes = unhex(&record.microvm).context("no hexadecimal digits")?;
    MicroVm::decode(bytes.as_slice()).map_err(Into::into)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::Store;
    use crate::api::flintlock::types::{MicroVm, MicroVmSpec};

    #[test]
    fn what_is_saved_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let spec = MicroVmSpec { uid: Some("u1".to_owned()), ..Default::default() };
        let mut vm = MicroVm { spec: Some(spec), ..Default::default() };
        let store = Store::open(folder.path()).unwrap();
        store.save(&mut vm).unwrap();
        store.save(&mut vm).unwrap();
        let found = Store::open(folder.path()).unwrap().get("u1").unwrap().unwrap();
        assert_eq!((found.version, &found), (2, &vm));
        store.remove("u1").unwrap();
        assert!(store.list().unwrap().is_empty());
    }
}

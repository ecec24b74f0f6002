//! The thin-provisioning-tools that a repair needs.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use mvm_core::Roots;
use mvm_core::exec::{self, Execute, Exit, Limits};
use mvm_pool_kernel::Error;
use mvm_repair_plan::repair::{Devices, Listing};

/// The paths of thin_check, thin_repair, thin_dump and thin_ls.
pub(super) struct Tools<'a> {
    programs: &'a dyn Execute,
    check: PathBuf,
    repair: PathBuf,
    dump: PathBuf,
    ls: PathBuf,
}

impl<'a> Tools<'a> {
    /// All of them, or none.
    pub(super) fn find(roots: &Roots, programs: &'a dyn Execute) -> Option<Self> {
        let find = |name| exec::find(roots, name);
        Some(Self {
            programs,
            check: find("thin_check")?,
            repair: find("thin_repair")?,
            dump: find("thin_dump")?,
            ls: find("thin_ls")?,
        })
    }

    /// Whether metadata are in order; nothing in them is changed.
    pub(super) fn check(&self, path: &Path) -> Result<bool, Error> {
        let exit = self.run(&self.check, &[path.as_os_str()], &mut Limits::default())?;
        Ok(exit.success())
    }

    /// Repairs one file into another one. The inner error is what thin_repair says.
    pub(super) fn repair(
        &self,
        from: &Path,
        to: &Path,
        more: &[String],
    ) -> Result<Result<(), String>, Error> {
        let mut args = vec![OsStr::new("-i"), from.as_os_str(), OsStr::new("-o"), to.as_os_str()];
        args.extend(more.iter().map(OsStr::new));
        let exit = self.run(&self.repair, &args, &mut Limits::default())?;
        let stderr = exit.stderr.trim().replace('\n', ", ");
        Ok(match (exit.success(), stderr.as_str()) {
            (true, _) => Ok(()),
            (false, "") => Err("thin_repair ended without a word".to_owned()),
            (false, stderr) => Err(format!("thin_repair said: {stderr}")),
        })
    }

    /// The devices in metadata with their numbers of mapped blocks; `None` when neither tool reads
    /// them. Each of the two reads some damage that the other does not.
    pub(super) fn list(&self, path: &Path) -> Result<Option<Devices>, Error> {
        let dumped = self.devices(&self.dump, &["--skip-mappings"], path)?;
        if dumped.is_some() {
            return Ok(dumped);
        }
        self.devices(&self.ls, &["--no-headers", "-o", "DEV,MAPPED_BLOCKS"], path)
    }

    fn devices(&self, tool: &Path, args: &[&str], path: &Path) -> Result<Option<Devices>, Error> {
        let mut listing = Listing::default();
        let mut args: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
        args.push(path.as_os_str());
        let mut take = |bytes: &[u8]| listing.take(bytes);
        let mut limits = Limits { stdout: Some(&mut take), ..Limits::default() };
        let exit = self.run(tool, &args, &mut limits)?;
        Ok(listing.end().filter(|_| exit.success()))
    }

    fn run(&self, tool: &Path, args: &[&OsStr], limits: &mut Limits<'_>) -> Result<Exit, Error> {
        let failed = |source| Error::Tool { program: tool.to_owned(), source };
        self.programs.run(tool, args, limits).map_err(failed)
    }
}

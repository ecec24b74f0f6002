//! THE file that tells the backends apart on this machine.

use mvm_config::{Config, places};
use mvm_core::{Finding, Roots};
use mvm_pool_plan::{Backend, Observation};

use crate::thinpool::{System, lock, reconcile, with_kernel};
use crate::{Error, containerd_config, external, loopback, lvm};

/// What the file asks for, on this machine: where containerd keeps its databases about the pool, its
/// own configuration says.
pub fn desired(roots: &Roots, config: &Config) -> Backend {
    let path = places::containerd_config(config.containerd.instance);
    let text = containerd_config::read(roots, path).ok();
    Backend::new(config, text.as_deref())
}

/// Gathers the facts about the pool. Changes nothing.
///
/// # Errors
/// When something that decides about the pool cannot be read.
pub fn observe<'a>(roots: &Roots, backend: &'a Backend) -> Result<Observation<'a>, Error> {
    with_kernel(roots, |system| observe_with(system, backend))
}

/// [`observe`] on a system of one's choice.
///
/// # Errors
/// As [`observe`].
pub fn observe_with<'a>(
    system: &System<'_>,
    backend: &'a Backend,
) -> Result<Observation<'a>, Error> {
    Ok(match backend {
        Backend::Loop(desired) => Observation::Loop(desired, loopback::observe(system, desired)?),
        Backend::Lvm(desired) => Observation::Lvm(desired, lvm::observe(system, desired)?),
        Backend::External(desired) => {
            Observation::External(desired, external::observe(system, desired)?)
        }
    })
}

/// Keeps other runs out, observes, plans, applies, observes again. The answer is
/// everything that there is to say; [`mvm_core::exit::by_class`] makes the exit code of it.
pub fn bring_up(roots: &Roots, backend: &Backend) -> Vec<Finding> {
    match lock(roots) {
        Ok(_lock) => with_kernel(roots, |system| match backend {
            Backend::Loop(desired) => reconcile(system, desired),
            Backend::Lvm(desired) => reconcile(system, desired),
            Backend::External(desired) => reconcile(system, desired),
        }),
        Err(error) => vec![error.finding(&backend.pool().name)],
    }
}

/// Reads the metadata of a pool on files or on LVM with thin_check while nobody uses it. Changes
/// nothing. The answer is why it would not be activated all the same: thin_check does not see that a
/// file was cut or swapped. `None` while the pool is live, and of a pool that somebody else makes,
/// whose metadata are theirs.
///
/// # Errors
/// [`Error::CheckFailed`] when the metadata is damaged; otherwise why it could not be read.
pub fn check_metadata(roots: &Roots, backend: &Backend) -> Result<Option<Vec<Finding>>, Error> {
    match backend {
        Backend::Loop(desired) => {
            let _lock = lock(roots)?;
            with_kernel(roots, |system| loopback::check_metadata(system, desired))
        }
        Backend::Lvm(desired) => {
            let _lock = lock(roots)?;
            with_kernel(roots, |system| lvm::check_metadata(system, desired))
        }
        Backend::External(_) => Ok(None),
    }
}

/// Makes the pool on the configured disks and brings it up. `token` is the operator's leave to lose
/// what is on them. The answer is everything that there is to say.
pub fn create(roots: &Roots, backend: &Backend, token: Option<&str>) -> Vec<Finding> {
    match backend.on_disks() {
        Ok(desired) => lvm::create(roots, desired, token),
        Err(finding) => vec![finding],
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use mvm_core::names;

    use super::*;

    #[test]
    fn the_containerd_that_uses_the_pool_says_where_its_databases_are() {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots::new(folder.path());
        let loaded = |text: &str| {
            let source = mvm_config::Source { name: "t".to_owned(), text: text.to_owned() };
            mvm_config::load::parse(&[source]).unwrap().config
        };
        let (own, system) = (loaded(""), loaded("[containerd]\ninstance = \"system\"\n"));
        assert_eq!(desired(&roots, &own), Backend::new(&own, None));
        let file = roots.at(names::SYSTEM_CONTAINERD_CONFIG);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "[plugins.devmapper]\nroot_path = \"/srv/d\"\n").unwrap();
        assert_eq!(desired(&roots, &own), Backend::new(&own, None));
        let databases = desired(&roots, &system).pool().databases();
        assert_eq!(databases[0], Path::new("/srv/d/metadata.db"));
    }

    /// The Rust files of a module, which is a file or a folder.
    fn files_of(module: &Path) -> Vec<PathBuf> {
        match fs::read_dir(module) {
            Ok(folder) => folder.flat_map(|entry| files_of(&entry.unwrap().path())).collect(),
            Err(_) => vec![module.to_owned()],
        }
    }

    #[test]
    fn what_every_pool_has_knows_no_backend_and_no_backend_another() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let backends = ["loopback", "lvm", "external"];
        for source in [here.join("src"), here.join("../plan/src")] {
            for module in ["thinpool", "loopback", "lvm", "external.rs"] {
                for file in files_of(&source.join(module)) {
                    let text = fs::read_to_string(&file).unwrap();
                    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
                    let names = |line: &str, backend: &&str| {
                        let imported = line.starts_with("use ") && line.contains(*backend);
                        !module.starts_with(*backend)
                            && (imported || line.contains(&format!("{backend}::")))
                    };
                    for line in code {
                        let other = backends.iter().find(|backend| names(line, backend));
                        assert_eq!(other, None, "{}: {line}", file.display());
                    }
                }
            }
        }
    }
}

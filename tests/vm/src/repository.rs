//! A signed Debian repository on a small disk: our package, and what it depends on.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::archive::{self, Gpg};
use crate::guest::Guest;
use crate::image::{Image, Suite};
use crate::leaks;
use crate::tools;

const LIMIT: Duration = Duration::from_secs(120);
const MOUNT_POINT: &str = "/srv/mvmhost-repo";
const GUEST_KEYRING: &str = "/usr/share/keyrings/mvmhost-test.asc";
/// Room beside the packages for the indexes and the file system itself, in bytes.
const SLACK: u64 = 24 << 20;

/// A finished repository disk; its files go away with it.
#[derive(Debug)]
pub struct Repository {
    suite: Suite,
    folder: TempDir,
    _lock: File,
}

impl Repository {
    /// Collects every .deb in `folders` into a repository for `image`, signed by a key that is
    /// made for it and thrown away. Two versions of one package are both offered.
    ///
    /// # Errors
    /// A folder holds no .deb, or gpg, apt-ftparchive or mkfs.ext4 fails.
    pub fn build(image: &Image, folders: &[&Path]) -> Result<Self> {
        let suite = image.suite();
        let (folder, lock) = leaks::new_scratch()?;
        let tree = folder.path().join("tree");
        let pool = tree.join("pool");
        fs::create_dir_all(&pool)?;
        let mut bytes = SLACK;
        for source in folders {
            bytes += collect(source, &pool)?;
        }
        archive::index(&tree, suite.name(), "mvmhost-test", &[image.arch().debian()])?;
        sign(suite, folder.path(), &tree)?;
        make_disk(&tree, &folder.path().join("repository.raw"), bytes)?;
        fs::remove_dir_all(&tree)?;
        Ok(Self { suite, folder, _lock: lock })
    }

    /// The disk, for [`crate::guest::Options::repository`].
    #[must_use]
    pub fn disk(&self) -> PathBuf {
        self.folder.path().join("repository.raw")
    }

    /// Makes this the only source of packages of `guest`, which must have the disk attached.
    ///
    /// # Errors
    /// The guest has no such disk, or apt does not accept the repository.
    pub fn install(&self, guest: &mut Guest) -> Result<()> {
        guest
            .ok(&format!(
                "mkdir -p {MOUNT_POINT}
            echo 'LABEL=mvmrepo {MOUNT_POINT} ext4 ro,nofail 0 0' >>/etc/fstab
            mount {MOUNT_POINT}
            cp {MOUNT_POINT}/{key} {GUEST_KEYRING}
            rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
            printf '%s\\n' 'Types: deb' 'URIs: file:{MOUNT_POINT}' 'Suites: {suite}' \
                'Components: main' 'Signed-By: {GUEST_KEYRING}' \
                >/etc/apt/sources.list.d/mvmhost.sources
            apt-get -q -o APT::Update::Error-Mode=any update",
                suite = self.suite.name(),
                key = archive::KEY
            ))
            .map(drop)
    }
}

/// Copies every .deb of `source` and gives their size in bytes.
fn collect(source: &Path, pool: &Path) -> Result<u64> {
    let mut bytes = 0;
    let entries =
        fs::read_dir(source).with_context(|| format!("cannot read {}", source.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "deb")
            && let Some(name) = path.file_name()
        {
            bytes += fs::copy(&path, pool.join(name))?;
        }
    }
    if bytes == 0 {
        bail!("no .deb in {}", source.display());
    }
    Ok(bytes)
}

/// Signs with a key that lives for these lines only.
fn sign(suite: Suite, folder: &Path, tree: &Path) -> Result<()> {
    let home = folder.join("gnupg");
    fs::create_dir(&home)?;
    fs::set_permissions(&home, fs::Permissions::from_mode(0o700))?;
    let gpg = Gpg { home: Some(home.clone()), key: None };
    let key = "mvmhost test <test@mvmhost.invalid>";
    let result = gpg
        .run(&["--passphrase", "", "--quick-generate-key", key, "ed25519", "sign", "2d"])
        .and_then(|_| archive::sign(tree, suite.name(), &gpg));
    // gpg leaves an agent running for its home; the key must not outlive the repository.
    let mut agent = Command::new("gpgconf");
    agent.arg("--homedir").arg(&home).args(["--kill", "all"]);
    tools::ok(&mut agent, LIMIT)?;
    fs::remove_dir_all(&home)?;
    result
}

fn make_disk(tree: &Path, disk: &Path, bytes: u64) -> Result<()> {
    fs::set_permissions(tree, fs::Permissions::from_mode(0o755))?;
    File::create(disk)?.set_len((bytes * 11 / 10).next_multiple_of(1 << 20))?;
    let mut mkfs = Command::new("mkfs.ext4");
    mkfs.args(["-q", "-F", "-O", "^has_journal", "-m", "0", "-L", "mvmrepo", "-d"]);
    mkfs.arg(tree).arg(disk);
    tools::ok(&mut mkfs, LIMIT).map(drop)
}

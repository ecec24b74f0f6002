//! Debian images: built once for each list of packages and recipe, kept under target/vm.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, File};
use std::hash::{Hash as _, Hasher as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::arch::Arch;
use crate::tools;

const MIRROR: &str = "http://deb.debian.org/debian";
/// Debian 12's file holds the keys of Debian 13 as well.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
const ESSENTIAL: &str = include_str!("../image/essential.sh");
const CUSTOMIZE: &str =
    concat!(include_str!("../image/customize.sh"), include_str!("../image/kernel-amd64.sh"));
const CUSTOMIZE_ARM64: &str =
    concat!(include_str!("../image/customize.sh"), include_str!("../image/kernel-arm64.sh"));
/// Virtual size of the root disk in bytes; only what is written takes room.
const ROOT_BYTES: u64 = 12 << 30;
/// With the programs of another architecture emulated, beside other work.
const BUILD_LIMIT: Duration = Duration::from_secs(2400);

/// How the root is made; dpkg's and apt's options are gone again from the finished image.
const FLAGS: &[&str] = &[
    "--mode=root",
    "--variant=important",
    "--format=directory",
    "--components=main",
    "--aptopt=Acquire::Languages \"none\"",
    "--aptopt=Acquire::Retries \"5\"",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=force-unsafe-io",
];

/// The kernel of a suite, but for its architecture.
const KERNEL: &str = "linux-image-amd64";

/// Installed in every image.
const BASE: &[&str] = &[
    KERNEL,
    "initramfs-tools",
    "zstd",
    "systemd",
    "systemd-sysv",
    "udev",
    "dbus",
    "openssh-server",
    "ca-certificates",
    "iproute2",
    "procps",
    "gpgv",
    "strace",
    "psmisc",
    "e2fsprogs",
    "kmod",
];

/// Taken out again: needed by mvmhost, or a second network manager.
const REMOVE: &[&str] =
    &["nftables", "ifupdown", "isc-dhcp-client", "isc-dhcp-common", "dhcpcd-base", "tasksel"];

/// Kept beside the image with whatever they depend on, for the repository in the guest.
const POOL: &[&str] = &[
    "containerd",
    "runc",
    "dmsetup",
    "thin-provisioning-tools",
    "dnsmasq-base",
    "nftables",
    "lvm2",
    "e2fsprogs",
    "util-linux",
    "kmod",
    // Neighbours on the same host, and what the tests themselves need.
    "apparmor",
    "bcache-tools",
    "bridge-utils",
    "btrfs-progs",
    "busybox-static",
    "cloud-init",
    "cryptsetup-bin",
    "curl",
    "dhcpcd-base",
    "docker-registry",
    "docker.io",
    "firewalld",
    "ifupdown",
    "iptables",
    "mdadm",
    "netplan.io",
    "network-manager",
    "openssl",
    "python3",
    "python3-apt",
    "rpm",
    "socat",
    "tcpdump",
    "udhcpc",
    "ufw",
    "xfsprogs",
];

/// The pool of a guest that is not of the build machine's architecture: what mvmhost depends on, and a
/// registry. Each package is unpacked by an emulated processor.
const POOL_ARM64: &[&str] = &[
    "containerd",
    "runc",
    "dmsetup",
    "thin-provisioning-tools",
    "dnsmasq-base",
    "nftables",
    "lvm2",
    "docker-registry",
];

/// A Debian release that mvmhost supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suite {
    /// Debian 12.
    Bookworm,
    /// Debian 13.
    Trixie,
}

impl Suite {
    /// Every supported release, oldest first.
    pub const ALL: [Self; 2] = [Self::Bookworm, Self::Trixie];

    /// The release's name in Debian's archive.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
        }
    }
}

/// A finished image: a folder that is never written to again.
#[derive(Debug, Clone)]
pub struct Image {
    suite: Suite,
    arch: Arch,
    folder: PathBuf,
}

impl Image {
    /// Finds the amd64 image of `suite` under `cache`, or builds it (about two minutes, needs root and
    /// a Debian mirror). A build that fails or is killed leaves no image.
    ///
    /// # Errors
    /// The cache cannot be written, or a program of the build fails.
    pub fn ensure(suite: Suite, cache: &Path) -> Result<Self> {
        Self::ensure_for(suite, Arch::Amd64, cache)
    }

    /// [`Image::ensure`] for any architecture. Programs of another one are emulated while it is built,
    /// which takes ten minutes.
    ///
    /// # Errors
    /// As [`Image::ensure`], or the kernel cannot start programs of another architecture.
    pub fn ensure_for(suite: Suite, arch: Arch, cache: &Path) -> Result<Self> {
        fs::create_dir_all(cache).with_context(|| format!("cannot create {}", cache.display()))?;
        let cache = cache.canonicalize()?;
        let name = match arch {
            Arch::Amd64 => suite.name().to_owned(),
            Arch::Arm64 => format!("{}-arm64", suite.name()),
        };
        let folder = cache.join(format!("{name}-{:016x}", recipe_hash(suite, arch)));
        let lock = File::create(cache.join(format!("{name}.lock")))?;
        lock.lock().context("cannot lock the image cache")?;
        if !folder.is_dir() {
            eprintln!("vm: building the {name} image");
            build(suite, arch, &cache, &folder)
                .with_context(|| format!("cannot build the {name} image"))?;
        }
        Ok(Self { suite, arch, folder })
    }

    /// The architecture in the image.
    #[must_use]
    pub const fn arch(&self) -> Arch {
        self.arch
    }

    /// The release in the image.
    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// The root disk, to be used as the backing file of an overlay.
    #[must_use]
    pub fn disk(&self) -> PathBuf {
        self.folder.join("disk.qcow2")
    }

    /// The guest's kernel: an ELF file that QEMU enters by its PVH note, or on Arm an Image.
    #[must_use]
    pub fn kernel(&self) -> PathBuf {
        self.folder.join("vmlinux")
    }

    /// The guest's initramfs.
    #[must_use]
    pub fn initrd(&self) -> PathBuf {
        self.folder.join("initrd.img")
    }

    /// Private key of the guest's root user.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.folder.join("id_ed25519")
    }

    /// Debian's packages that mvmhost depends on and the image lacks.
    #[must_use]
    pub fn pool(&self) -> PathBuf {
        self.folder.join("pool")
    }
}

/// Where the images are kept unless a caller knows better.
#[must_use]
pub fn default_cache() -> PathBuf {
    tools::target_dir().join("vm")
}

fn recipe_hash(suite: Suite, arch: Arch) -> u64 {
    let mut hasher = DefaultHasher::new();
    match arch {
        Arch::Amd64 => (suite, MIRROR, KEYRING, ESSENTIAL, CUSTOMIZE, ROOT_BYTES).hash(&mut hasher),
        Arch::Arm64 => {
            (suite, MIRROR, KEYRING, ESSENTIAL, CUSTOMIZE_ARM64, ROOT_BYTES).hash(&mut hasher);
        }
    }
    (BASE, REMOVE, pool(arch), FLAGS).hash(&mut hasher);
    hasher.finish()
}

const fn pool(arch: Arch) -> &'static [&'static str] {
    match arch {
        Arch::Amd64 => POOL,
        Arch::Arm64 => POOL_ARM64,
    }
}

fn build(suite: Suite, arch: Arch, cache: &Path, folder: &Path) -> Result<()> {
    if !arch.is_native() {
        foreign(arch)?;
    }
    let work = tempfile::Builder::new().prefix(".build-").tempdir_in(cache)?;
    let image = work.path().join("image");
    let root = work.path().join("root");
    fs::create_dir(&image)?;
    generate_key(&image.join("id_ed25519"))?;
    bootstrap((suite, arch), work.path(), &root, &image)?;
    make_disk(&root, &image)?;
    for name in ["disk.qcow2", "vmlinux", "initrd.img", "pool"] {
        if !image.join(name).exists() {
            bail!("the build made no {name}");
        }
    }
    tools::ok(Command::new("sync").arg("-f").arg(&image), BUILD_LIMIT)?;
    fs::rename(&image, folder).with_context(|| format!("cannot move to {}", folder.display()))
}

fn generate_key(path: &Path) -> Result<()> {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", "mvm-vm", "-f"]).arg(path);
    tools::ok(&mut command, BUILD_LIMIT).map(drop)
}

/// Lets the kernel start programs of this architecture, as systemd-binfmt does on a machine that has
/// been booted: a container has the emulator and no such service.
fn foreign(arch: Arch) -> Result<()> {
    let line = format!(
        "cd /proc/sys/fs/binfmt_misc
         [ -e register ] || mount -t binfmt_misc binfmt_misc .
         cd /proc/sys/fs/binfmt_misc
         [ -e qemu-{0} ] || grep ^: /usr/lib/binfmt.d/qemu-{0}.conf >register",
        arch.machine()
    );
    tools::ok(Command::new("sh").args(["-ec", &line]), BUILD_LIMIT).map(drop)
}

fn bootstrap((suite, arch): (Suite, Arch), work: &Path, root: &Path, image: &Path) -> Result<()> {
    let essential = script(work, "essential.sh", ESSENTIAL)?;
    let customize = match arch {
        Arch::Amd64 => CUSTOMIZE,
        Arch::Arm64 => CUSTOMIZE_ARM64,
    };
    let customize = script(work, "customize.sh", customize)?;
    let include = BASE.join(",").replace(KERNEL, &format!("linux-image-{}", arch.debian()));
    let mut command = Command::new("mmdebstrap");
    command
        .args(FLAGS)
        .arg(format!("--keyring={KEYRING}"))
        .arg(format!("--architectures={}", arch.debian()))
        .arg(format!("--include={include}"))
        .arg(format!("--essential-hook={} \"$1\"", quoted(&essential)))
        .arg(format!(
            "--customize-hook={} \"$1\" {} '{}' '{}'",
            quoted(&customize),
            quoted(image),
            REMOVE.join(" "),
            pool(arch).join(" ")
        ))
        .arg(suite.name())
        .arg(root)
        .arg(format!("deb [signed-by={KEYRING}] {MIRROR} {} main", suite.name()))
        .env("LC_ALL", "C.UTF-8");
    tools::ok(&mut command, BUILD_LIMIT).map(drop)
}

fn script(work: &Path, name: &str, text: &str) -> Result<PathBuf> {
    let path = work.join(name);
    fs::write(&path, text)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

/// A path as one word of the hook's shell line.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"))
}

fn make_disk(root: &Path, image: &Path) -> Result<()> {
    let raw = root.with_extension("raw");
    File::create(&raw)?.set_len(ROOT_BYTES)?;
    let mut mkfs = Command::new("mkfs.ext4");
    mkfs.args(["-q", "-F", "-L", "mvmroot", "-d"]).arg(root).arg(&raw);
    tools::ok(&mut mkfs, BUILD_LIMIT)?;
    let mut convert = Command::new("qemu-img");
    convert.args(["convert", "-f", "raw", "-O", "qcow2"]).arg(&raw).arg(image.join("disk.qcow2"));
    tools::ok(&mut convert, BUILD_LIMIT).map(drop)
}

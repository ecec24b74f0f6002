//! cargo as the packages need it: the same bytes from every folder, by every user, at every time.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::arch::Arch;
use crate::tools;

/// Debian's compiler for browsers, which builds all that is packed: whoever has another one would get
/// other bytes. It comes with the sources of its standard library, which cargo builds for the targets
/// whose binaries are in no registry that Debian or cargo has.
pub(crate) const RUSTC: &str = "rustc-web";

/// Its program: another compiler may be found before it.
const PROGRAM: &str = "/usr/bin/rustc";

/// The Debian package with the sources of [`RUSTC`]'s standard library.
const STD_PACKAGE: &str = "rust-web-src";

/// How programs are called from, whatever the folder really is.
const SOURCES: &str = "/usr/src/mvmhost";
const REGISTRY: &str = "/usr/share/cargo";
const COMPILER: &str = "/usr/lib/rust";

/// `cargo build` with this profile, for this target, with these flags for rustc.
pub(crate) struct Build<'a> {
    pub(crate) profile: &'a str,
    pub(crate) target: &'a str,
    pub(crate) packages: &'a [&'a str],
    pub(crate) flags: Vec<String>,
    /// The standard library is built as well.
    pub(crate) from_sources: bool,
}

impl Build<'_> {
    /// Builds and returns the folder that the programs are in.
    pub(crate) fn run(self, arch: &Arch) -> Result<PathBuf> {
        let mut build = tools::command("cargo")?;
        build.args(["build", "--profile", self.profile, "--quiet", "--locked"]);
        build.args(["--target", self.target]);
        build.args(self.packages.iter().flat_map(|name| ["-p", name]));
        compiler()?;
        build.env("RUSTC", PROGRAM);
        if self.from_sources {
            // Without backtraces, which a program that ends at a panic tells nobody.
            build.args(["-Zbuild-std=std,panic_abort", "-Zbuild-std-features="]);
            build.env("RUSTC_BOOTSTRAP", "1");
        }
        let mut flags = remapped()?;
        flags.extend(self.flags);
        build.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
        // What is built incrementally is cut into other units.
        build.env("CARGO_INCREMENTAL", "0").env("LC_ALL", "C").env("TZ", "UTC");
        headers(&mut build, arch)?;
        tools::check(&mut build)?;
        Ok(tools::top()?.join("target").join(self.target).join(self.profile))
    }
}

/// Names for the folders that differ between machines, for rustc. The last one that fits counts.
fn remapped() -> Result<Vec<String>> {
    let sysroot = tools::output(Command::new(PROGRAM).args(["--print", "sysroot"]))?;
    let folders = [
        (PathBuf::from(sysroot.trim()), COMPILER),
        (tools::top()?, SOURCES),
        (cargo_home()?, REGISTRY),
    ];
    let flag =
        |(from, to): &(PathBuf, &str)| format!("--remap-path-prefix={}={to}", from.display());
    Ok(folders.iter().map(flag).collect())
}

fn cargo_home() -> Result<PathBuf> {
    if let Some(home) = env::var_os("CARGO_HOME") {
        return Ok(home.into());
    }
    Ok(PathBuf::from(env::var_os("HOME").context("neither CARGO_HOME nor HOME is set")?)
        .join(".cargo"))
}

/// What C and the generators of bindings read. Of libdevmapper only constants and structures of
/// the kernel's interface are used, which are the same everywhere.
fn headers(build: &mut Command, arch: &Arch) -> Result<()> {
    let include = tools::output(Command::new(arch.gcc()).arg("-print-file-name=include"))?;
    let mut clang = format!("-I{}", include.trim());
    if !arch.is_native() {
        clang.push_str(&format!(" -I{}", arch.sysroot().join("include").display()));
    }
    build.env("BINDGEN_EXTRA_CLANG_ARGS", clang).env("PKG_CONFIG_ALLOW_CROSS", "1");
    let sources = cargo_home()?;
    // ring's C; a space in the folder's name would end the flag.
    if !sources.to_string_lossy().contains(' ') {
        build.env("CFLAGS", format!("-ffile-prefix-map={}={REGISTRY}", sources.display()));
    }
    Ok(())
}

/// Installs Debian's compiler with its sources. Another one would build other programs, so that a
/// machine that has none of this age builds no package.
fn compiler() -> Result<()> {
    let offered = offered(RUSTC)?;
    ensure!(
        offered.is_some_and(|version| Some(version) >= minor(env!("CARGO_PKG_RUST_VERSION"))),
        "apt has no {RUSTC} of Rust {} or newer, which the packages are built with; \
         Debian 12 has it in its security updates",
        env!("CARGO_PKG_RUST_VERSION")
    );
    tools::apt(&[RUSTC, STD_PACKAGE])
}

/// The version that apt has, or can get.
fn offered(package: &str) -> Result<Option<u32>> {
    if !tools::is_installed(package) {
        tools::check(tools::command("apt-get")?.args(["-qq", "update"]))?;
    }
    let policy = tools::output(Command::new("apt-cache").args(["policy", package]))?;
    let version = |label| policy.lines().find_map(|line| minor(line.trim().strip_prefix(label)?));
    Ok(version("Installed: ").or_else(|| version("Candidate: ")))
}

/// 89 of `1.89`, as of `1.89.0+dfsg1-1`.
fn minor(version: &str) -> Option<u32> {
    version.split('.').nth(1)?.parse().ok()
}

/// Installs the toolchain for an architecture that this machine has not.
pub(crate) fn toolchain(arch: &Arch) -> Result<()> {
    let foreign = tools::output(Command::new("dpkg").arg("--print-foreign-architectures"))?;
    if !arch.is_native() && !foreign.lines().any(|line| line == arch.debian) {
        tools::check(Command::new("dpkg").args(["--add-architecture", arch.debian]))?;
        tools::check(tools::command("apt-get")?.args(["-qq", "update"]))?;
    }
    tools::apt(&arch.toolchain())
}

/// A folder with libraries under the names by which the linker is asked for them: gcc's library for
/// unwinding as std wants it, and nothing for libdevmapper, from which nothing is taken.
pub(crate) fn stand_ins(arch: &Arch) -> Result<PathBuf> {
    let folder = tools::top()?.join("target/stand-ins").join(arch.debian);
    fs::create_dir_all(&folder)?;
    let link = folder.join("libunwind.a");
    if fs::symlink_metadata(&link).is_ok() {
        fs::remove_file(&link)?;
    }
    symlink(unwinder(arch)?, &link).with_context(|| format!("linking {}", link.display()))?;
    fs::write(folder.join("libdevmapper.a"), "!<arch>\n")?;
    Ok(folder)
}

/// gcc's library for unwinding, which goes into the static programs.
pub(crate) fn unwinder(arch: &Arch) -> Result<PathBuf> {
    let path = tools::output(Command::new(arch.gcc()).arg("-print-file-name=libgcc_eh.a"))?;
    Ok(path.trim().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debians_versions_are_compared_by_their_minor_number() {
        assert_eq!(minor("1.89"), Some(89));
        assert_eq!(minor("1.96.0+dfsg1-1~deb12u2"), Some(96));
        assert_eq!(minor("(none)"), None);
    }
}

//! The programs that are linked statically, with musl: glibc's static part alone is 784 KB, and its
//! start costs more than all that the generator does.
//!
//! rustup's own standard library for musl cannot be had from Debian's or cargo's registries. Debian's
//! rustc for browsers comes with the sources of its standard library, which cargo builds with it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::tools;

/// Programs of the package that are linked statically: the dynamic loader would be half of their run
/// time, and pid 1 or the whole chain waits for them.
pub(crate) const PROGRAMS: [&str; 3] = ["mvmhost-generator", "mvm-net", "mvm-thinpool"];

/// The profile of Cargo.toml for them.
const PROFILE: &str = "static";

/// What the generator may weigh, in bytes: pid 1 reads it at every boot and reload.
const GENERATOR_LIMIT: u64 = 700 << 10;

const RUSTC: &str = "rustc-web";

/// Builds them and returns the folder that they are in. Where Debian has no such compiler they are
/// linked with glibc, and do the same.
pub(crate) fn build() -> Result<PathBuf> {
    let told = tools::output(Command::new("rustc").arg("-vV"))?;
    let host = told
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("rustc does not tell its host")?;
    if !is_offered(RUSTC)? {
        println!(
            "no such {RUSTC} for this Debian: {} are linked with glibc",
            PROGRAMS.join(" and ")
        );
        return compile(cargo(host)?.env("RUSTFLAGS", "-C target-feature=+crt-static"), host);
    }
    let folder = with_musl(host)?;
    let size = fs::metadata(folder.join(PROGRAMS[0]))?.len();
    ensure!(
        size <= GENERATOR_LIMIT,
        "{} has {size} bytes, more than {GENERATOR_LIMIT}",
        PROGRAMS[0]
    );
    Ok(folder)
}

/// Whether apt has it, or can get it, in a version that builds this workspace.
fn is_offered(package: &str) -> Result<bool> {
    if !tools::is_installed(package) {
        tools::check(tools::command("apt-get")?.args(["-qq", "update"]))?;
    }
    let told = tools::output(Command::new("apt-cache").args(["policy", package]))?;
    let version = |what| told.lines().find_map(|line| minor(line.trim().strip_prefix(what)?));
    let needed = minor(env!("CARGO_PKG_RUST_VERSION")).context("no rust-version")?;
    Ok(version("Installed: ").or_else(|| version("Candidate: ")).is_some_and(|its| its >= needed))
}

/// 89 of `1.89`, as of `1.89.0+dfsg1-1`.
fn minor(version: &str) -> Option<u32> {
    version.split('.').nth(1)?.parse().ok()
}

fn with_musl(host: &str) -> Result<PathBuf> {
    tools::apt(&[RUSTC, "rust-web-src", "musl-dev"])?;
    let target = host.replace("-gnu", "-musl");
    let machine = host.split('-').next().unwrap_or(host);
    let musl = PathBuf::from(format!("/usr/lib/{machine}-linux-musl"));
    let eh = tools::output(Command::new("gcc").arg("-print-file-name=libgcc_eh.a"))?;
    let include = tools::output(Command::new("gcc").arg("-print-file-name=include"))?;
    let unwind = tools::top()?.join("target/unwind");
    stand_in(&unwind, Path::new(eh.trim()))?;
    // gcc would begin and end the program with glibc's objects.
    let objects = ["rcrt1.o", "crti.o", "libc.a", "crtn.o"];
    let objects = objects.map(|name| format!("-C link-arg={}", musl.join(name).display()));
    let flags = format!(
        "-C target-feature=+crt-static -C linker=gcc -C link-self-contained=no -L native={} \
         -L native={} -C link-arg=-nostartfiles {}",
        musl.display(),
        unwind.display(),
        objects.join(" ")
    );
    let mut build = cargo(&target)?;
    // Without backtraces, which a program that ends at a panic tells nobody.
    build.args(["-Zbuild-std=std,panic_abort", "-Zbuild-std-features="]);
    build.env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", flags);
    // Of libdevmapper only constants and structures of the kernel's interface are used.
    build.env("PKG_CONFIG_ALLOW_CROSS", "1");
    build.env("BINDGEN_EXTRA_CLANG_ARGS", format!("-I{}", include.trim()));
    compile(&mut build, &target)
}

/// A folder in which gcc's library for unwinding has the name under which std asks for one.
fn stand_in(folder: &Path, library: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let link = folder.join("libunwind.a");
    if fs::symlink_metadata(&link).is_ok() {
        fs::remove_file(&link)?;
    }
    symlink(library, &link).with_context(|| format!("linking {}", link.display()))
}

fn cargo(target: &str) -> Result<Command> {
    let mut build = tools::command("cargo")?;
    build.args(["build", "--profile", PROFILE, "--quiet", "--locked", "--target", target]);
    build.args(PROGRAMS.iter().flat_map(|name| ["-p", name]));
    Ok(build)
}

fn compile(build: &mut Command, target: &str) -> Result<PathBuf> {
    tools::check(build)?;
    Ok(tools::top()?.join("target").join(target).join(PROFILE))
}

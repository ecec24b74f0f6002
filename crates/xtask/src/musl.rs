//! The programs that are linked statically, with musl: glibc's static part alone is 784 KB, and its
//! start costs more than all that the generator does.

use std::fs;
use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::arch::Arch;
use crate::compile::{self, Build, stand_ins};

/// Programs of the package that are linked statically: the dynamic loader would be half of their run
/// time, and pid 1 or the whole chain waits for them.
pub(crate) const PROGRAMS: [&str; 3] = ["mvmhost-generator", "mvm-net", "mvm-thinpool"];

/// The profile of Cargo.toml for them.
const PROFILE: &str = "static";

/// What the generator may weigh, in bytes: pid 1 reads it at every boot and reload.
const GENERATOR_LIMIT: u64 = 700 << 10;

/// Builds them and returns the folder that they are in.
pub(crate) fn build(arch: &Arch) -> Result<PathBuf> {
    compile::toolchain(arch)?;
    let musl = arch.musl();
    let mut flags: Vec<String> = [
        "-Ctarget-feature=+crt-static".to_owned(),
        format!("-Clinker={}", arch.gcc()),
        "-Clink-self-contained=no".to_owned(),
        format!("-Lnative={}", musl.display()),
        format!("-Lnative={}", stand_ins(arch)?.display()),
        "-Clink-arg=-nostartfiles".to_owned(),
    ]
    .into();
    // gcc would begin and end the program with glibc's objects.
    let objects = [arch.start, "crti.o", "libc.a", "crtn.o"];
    flags.extend(objects.map(|name| format!("-Clink-arg={}", musl.join(name).display())));
    let target = arch.target("musl");
    let build =
        Build { profile: PROFILE, target: &target, packages: &PROGRAMS, flags, from_sources: true };
    let folder = build.run(arch)?;
    let size = fs::metadata(folder.join(PROGRAMS[0]))?.len();
    ensure!(
        size <= GENERATOR_LIMIT,
        "{} has {size} bytes, more than {GENERATOR_LIMIT}",
        PROGRAMS[0]
    );
    Ok(folder)
}

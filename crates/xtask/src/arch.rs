//! What the packages are built for. Everything of a build that differs between architectures stands
//! in [`ALL`].

use std::path::PathBuf;

use anyhow::{Context, Result};

/// Names and tools of an architecture that there are packages for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arch {
    /// Debian's name, which is Go's too.
    pub(crate) debian: &'static str,
    /// The kernel's name, which is Rust's and rpm's too.
    pub(crate) machine: &'static str,
    /// The Debian package with its musl. With its architecture: another one's may be there as well.
    pub(crate) musl: &'static str,
    /// The object of musl that a static program begins with: rustc links one of x86-64 so that it runs
    /// at any address (static-pie), and one of Arm not.
    pub(crate) start: &'static str,
    /// Debian packages that building for it needs besides on a machine of another architecture: the
    /// toolchain, and the libraries that dpkg-shlibdeps reads what the package depends on from.
    cross: &'static [&'static str],
}

/// All for which there are packages.
pub(crate) const ALL: [Arch; 2] = [
    Arch {
        debian: "amd64",
        machine: "x86_64",
        musl: "musl-dev:amd64",
        start: "rcrt1.o",
        cross: &["gcc-x86-64-linux-gnu", "libc6-dev-amd64-cross", "libc6:amd64", "libgcc-s1:amd64"],
    },
    Arch {
        debian: "arm64",
        machine: "aarch64",
        musl: "musl-dev:arm64",
        start: "crt1.o",
        cross: &[
            "gcc-aarch64-linux-gnu",
            "libc6-dev-arm64-cross",
            "libc6:arm64",
            "libgcc-s1:arm64",
        ],
    },
];

impl Arch {
    /// The one of this machine; an error where [`ALL`] has it not.
    pub(crate) fn native() -> Result<&'static Self> {
        let machine = std::env::consts::ARCH;
        let found = ALL.iter().find(|arch| arch.machine == machine);
        found.with_context(|| format!("there is no package for {machine}"))
    }

    /// By Debian's name.
    pub(crate) fn find(name: &str) -> Result<&'static Self> {
        let names = ALL.each_ref().map(|arch| arch.debian).join(", ");
        let found = ALL.iter().find(|arch| arch.debian == name);
        found.with_context(|| format!("there is no package for {name}, only for {names}"))
    }

    /// Whether this machine has it.
    pub(crate) fn is_native(&self) -> bool {
        self.machine == std::env::consts::ARCH
    }

    /// rustc's target with this library of C: `gnu` or `musl`.
    pub(crate) fn target(&self, library: &str) -> String {
        format!("{}-unknown-linux-{library}", self.machine)
    }

    /// The program of gcc that compiles for it, such as `x86_64-linux-gnu-gcc`.
    pub(crate) fn gcc(&self) -> String {
        format!("{}-linux-gnu-gcc", self.machine)
    }

    /// binutils' strip for it, which comes with gcc.
    pub(crate) fn strip(&self) -> String {
        format!("{}-linux-gnu-strip", self.machine)
    }

    /// Where Debian has the objects and the library of musl.
    pub(crate) fn musl(&self) -> PathBuf {
        PathBuf::from(format!("/usr/lib/{}-linux-musl", self.machine))
    }

    /// Where Debian's cross toolchain has the headers and libraries of glibc.
    pub(crate) fn sysroot(&self) -> PathBuf {
        PathBuf::from(format!("/usr/{}-linux-gnu", self.machine))
    }

    /// Debian packages with the toolchain, beyond those of a build for this machine.
    pub(crate) fn toolchain(&self) -> Vec<&'static str> {
        let cross: &[&str] = if self.is_native() { &[] } else { self.cross };
        cross.iter().copied().chain([self.musl]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_architecture_is_found_by_debians_name() {
        let arm = Arch::find("arm64").unwrap();
        assert_eq!(arm.target("musl"), "aarch64-unknown-linux-musl");
        assert_eq!(arm.gcc(), "aarch64-linux-gnu-gcc");
        assert!(Arch::find("riscv64").unwrap_err().to_string().contains("amd64, arm64"));
        assert!(Arch::native().unwrap().is_native());
    }
}

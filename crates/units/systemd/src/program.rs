//! Whether a file is a program that this machine can execute, by its own header and its file
//! system.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use mvm_config::arch;
use nix::sys::statvfs::{FsFlags, statvfs};

/// What stands in the way of executing a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// Nobody may execute it.
    NotExecutable,
    /// It is for another machine, or no program: what it is, for people.
    WrongMachine(String),
    /// Its file system is mounted noexec.
    NoExec,
}

/// Looks at the header of the file; `None` when nothing stands in the way. A script is left to its
/// interpreter.
///
/// # Errors
/// When the file cannot be read.
pub fn obstacle(path: &Path) -> io::Result<Option<Obstacle>> {
    if fs::metadata(path)?.permissions().mode() & 0o111 == 0 {
        return Ok(Some(Obstacle::NotExecutable));
    }
    let mut header = Vec::new();
    File::open(path)?.take(20).read_to_end(&mut header)?;
    if let Some(what) = stranger(&header) {
        return Ok(Some(Obstacle::WrongMachine(what)));
    }
    let flags = statvfs(path)?.flags();
    Ok(flags.contains(FsFlags::ST_NOEXEC).then_some(Obstacle::NoExec))
}

/// What a file is that this machine does not execute.
fn stranger(header: &[u8]) -> Option<String> {
    if header.starts_with(b"#!") {
        return None;
    }
    let [0x7f, b'E', b'L', b'F', class, order, .., low, high] = header else {
        return Some("no program".to_owned());
    };
    if header.len() < 20 {
        return Some("cut off".to_owned());
    }
    let machine = match order {
        2 => u16::from_be_bytes([*low, *high]),
        _ => u16::from_le_bytes([*low, *high]),
    };
    if machine == arch::native().elf && *class == 2 {
        return None;
    }
    if let Some(known) = arch::ALL.iter().find(|arch| arch.elf == machine) {
        return Some(format!("a program for {}", known.machine));
    }
    Some(match machine {
        3 => "a program for 32-bit x86".to_owned(),
        40 => "a program for 32-bit arm".to_owned(),
        243 => "a program for riscv".to_owned(),
        other => format!("a program for machine {other}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_tell_the_machine() {
        let elf = |machine: u16| {
            let mut header = vec![0x7f, b'E', b'L', b'F', 2, 1, 1];
            header.resize(18, 0);
            header.extend(machine.to_le_bytes());
            header
        };
        assert_eq!(stranger(&elf(arch::native().elf)), None);
        assert_eq!(stranger(&elf(40)).as_deref(), Some("a program for 32-bit arm"));
        assert_eq!(stranger(&elf(9999)).as_deref(), Some("a program for machine 9999"));
        assert_eq!(stranger(b"#!/bin/sh\n"), None);
        for broken in [&b""[..], b"\x7fELF", b"\x7fELF\x02\x01\x3e\0", b"hello, world, this is"] {
            assert!(stranger(broken).is_some());
        }
    }

    #[test]
    fn own_program_runs_and_a_text_does_not() {
        assert_eq!(obstacle(&std::env::current_exe().unwrap()).unwrap(), None);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x");
        fs::write(&file, "text").unwrap();
        assert_eq!(obstacle(&file).unwrap(), Some(Obstacle::NotExecutable));
        fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
        assert_eq!(obstacle(&file).unwrap(), Some(Obstacle::WrongMachine("no program".to_owned())));
        assert!(obstacle(&folder.path().join("none")).is_err());
    }
}

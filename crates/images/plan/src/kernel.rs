//! What a kernel's file must look like.

use mvm_config::arch;

/// Bytes from the file's beginning that the verdict needs.
pub const HEAD: usize = 64;

/// e_machine of a machine that has no packages, and images all the same.
const RISCV: u16 = 243;

/// Where the kernel of an image may be: the first path that is there is looked at.
pub fn paths(architecture: &str) -> &'static [&'static str] {
    arch::of_platform(architecture).unwrap_or(&arch::ALL[0]).kernels
}

/// What is wrong with a kernel's file for `architecture` (Go's name), going by its first bytes:
/// an ELF file of the right machine, or on arm64 an Image.
///
/// # Errors
/// In words that follow the file's name, such as `is no kernel`.
pub fn judge(head: &[u8], architecture: &str) -> Result<(), String> {
    let image = arch::of_platform(architecture).and_then(|arch| arch.image);
    if let Some((offset, magic)) = image {
        if head.get(offset..offset + magic.len()) == Some(magic) {
            return Ok(());
        }
        // Who has built for another machine is told so; VMMs start no ELF file here.
        return match elf(head) {
            Ok(machine) if machine != architecture => {
                Err(format!("is a kernel for {machine}, not for {architecture}"))
            }
            _ => Err(format!("is no Image, which is what starts on {architecture}")),
        };
    }
    let machine = elf(head)?;
    match machine == architecture {
        true => Ok(()),
        false => Err(format!("is a kernel for {machine}, not for {architecture}")),
    }
}

/// The machine of an ELF file, by Go's name.
fn elf(head: &[u8]) -> Result<&'static str, String> {
    if head.get(..4) != Some(b"\x7fELF") {
        return Err("is no ELF file".to_owned());
    }
    if head.get(4..6) != Some(&[2, 1]) {
        return Err("is not a 64-bit little-endian ELF file".to_owned());
    }
    let number = head.get(18..20).map(|number| u16::from_le_bytes([number[0], number[1]]));
    let found = arch::ALL.iter().find(|arch| Some(arch.elf) == number);
    Ok(match number {
        Some(RISCV) => "riscv64",
        _ => found.map_or("an unknown architecture", |arch| arch.platform),
    })
}

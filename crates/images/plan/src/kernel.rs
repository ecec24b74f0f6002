//! What a kernel's file must look like.

use mvm_config::arch;

/// So many bytes from the file's beginning are looked at: in a kernel's, its header and the table of its
/// segments.
pub const HEAD: usize = 4096;

/// e_machine of a machine that has no packages, and images all the same.
const RISCV: u16 = 243;

/// Where the kernel of an image may be: the first path that is there is looked at.
pub fn paths(architecture: &str) -> &'static [&'static str] {
    arch::of_platform(architecture).unwrap_or(&arch::ALL[0]).kernels
}

/// What is wrong with a kernel's file for `architecture` (Go's name), going by its first bytes and its
/// `length` in bytes: an ELF file of the right machine with all its segments, or on arm64 an Image.
///
/// # Errors
/// In words that follow the file's name, such as `is no kernel`.
pub fn judge(head: &[u8], length: u64, architecture: &str) -> Result<(), String> {
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
    if machine != architecture {
        return Err(format!("is a kernel for {machine}, not for {architecture}"));
    }
    // A power cut can leave the beginning of a file alone.
    match end_of_segments(head).filter(|end| *end > length) {
        Some(end) => Err(format!("is cut off: it has {length} bytes of at least {end}")),
        None => Ok(()),
    }
}

/// Where the last segment of an ELF file ends, in bytes, by the program headers that are in `head`
/// (elf(5), Elf64_Ehdr and Elf64_Phdr); `None` of a file without segments.
fn end_of_segments(head: &[u8]) -> Option<u64> {
    let wide = |at: usize| Some(u64::from_le_bytes(*head.get(at..)?.first_chunk()?));
    let short = |at: usize| Some(usize::from(u16::from_le_bytes(*head.get(at..)?.first_chunk()?)));
    let (table, size, count) = (usize::try_from(wide(32)?).ok()?, short(54)?, short(56)?);
    let headers = (0..count).filter_map(|number| table.checked_add(number.checked_mul(size)?));
    let ends = headers.filter_map(|at| {
        let (offset, length) = (wide(at.checked_add(8)?)?, wide(at.checked_add(32)?)?);
        offset.checked_add(length)
    });
    ends.max()
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

//! What a kernel's file must look like.

/// Bytes from the file's beginning that the verdict needs.
pub const HEAD: usize = 64;

/// Where the kernel of an image may be: the first path that is there is looked at. flintlock's own
/// images have Firecracker's in the first, Cloud Hypervisor's in the second (image-builder) or in
/// the image's root (mikrolite-images).
pub fn paths(architecture: &str) -> &'static [&'static str] {
    match architecture {
        "arm64" => &["boot/image"],
        _ => &["boot/vmlinux", "boot/vmlinux.bin", "vmlinux.bin"],
    }
}

/// What is wrong with a kernel's file for `architecture` (Go's name), going by its first bytes:
/// an ELF file of the right machine, or on arm64 an Image (Linux: Documentation/arch/arm64/booting).
///
/// # Errors
/// In words that follow the file's name, such as `is no kernel`.
pub fn judge(head: &[u8], architecture: &str) -> Result<(), String> {
    if architecture == "arm64" && head.get(56..60) == Some(b"ARM\x64") {
        return Ok(());
    }
    if head.get(..4) != Some(b"\x7fELF") {
        return Err("is no ELF file".to_owned());
    }
    if head.get(4..6) != Some(&[2, 1]) {
        return Err("is not a 64-bit little-endian ELF file".to_owned());
    }
    let machine = match head.get(18..20) {
        Some([62, 0]) => "amd64",
        Some([183, 0]) => "arm64",
        Some([243, 0]) => "riscv64",
        _ => "an unknown architecture",
    };
    match machine == architecture {
        true => Ok(()),
        false => Err(format!("is a kernel for {machine}, not for {architecture}")),
    }
}

//! A static build must not need libdevmapper: the devicemapper crate names the library for the
//! linker and takes nothing from it (it speaks to the kernel itself), and Debian has no archive of
//! it. An empty one is enough.

use std::path::Path;

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let is_static = std::env::var("CARGO_CFG_TARGET_FEATURE")
        .is_ok_and(|features| features.split(',').any(|feature| feature == "crt-static"));
    if let (true, Ok(folder)) = (is_static, std::env::var("OUT_DIR")) {
        std::fs::write(Path::new(&folder).join("libdevmapper.a"), "!<arch>\n")?;
        println!("cargo::rustc-link-search=native={folder}");
    }
    Ok(())
}

//! Compiles flintlock's API, the same files that mvmhost's own client is made from.

fn main() -> std::io::Result<()> {
    let folder = "../../crates/units/systemd/proto";
    println!("cargo::rerun-if-changed={folder}");
    tonic_prost_build::configure().include_file("api.rs").compile_protos(
        &[format!("{folder}/flintlock/microvm.proto"), format!("{folder}/flintlock/types.proto")],
        &[folder.to_owned()],
    )
}

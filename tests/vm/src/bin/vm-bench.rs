//! `cargo xtask bench`, the parts that need a guest: pool, boots, checks; all of them, or those named.

use anyhow::Result;
use mvm_vm::image::Suite;
use mvm_vm::{bench, setup};

fn main() -> Result<()> {
    let named: Vec<String> = std::env::args().skip(1).collect();
    let selected = |part: &str| named.is_empty() || named.iter().any(|name| name == part);
    let mut context = setup::host(Suite::Bookworm)?;
    let guest = &mut context.guest;
    guest.ok("DEBIAN_FRONTEND=noninteractive apt-get install -y mvmhost >/dev/null 2>&1")?;
    if selected("pool") {
        bench::pool(guest)?;
    }
    setup::copy_standins(guest)?;
    guest.ok("mvmhost apply && mvmhost plan")?;
    if selected("boots") {
        bench::install_script(guest)?;
        bench::boots(guest)?;
    }
    if selected("checks") {
        bench::checks(guest)?;
    }
    Ok(())
}

//! `cargo xtask bench`, the part that needs a guest; `vm-bench checks` is the last of it only.

use anyhow::Result;
use mvm_vm::image::Suite;
use mvm_vm::{bench, setup};

fn main() -> Result<()> {
    let mut context = setup::host(Suite::Bookworm)?;
    let guest = &mut context.guest;
    guest.ok("DEBIAN_FRONTEND=noninteractive apt-get install -y mvmhost >/dev/null 2>&1")?;
    let all = std::env::args().nth(1).is_none();
    if all {
        bench::pool(guest)?;
    }
    setup::copy_standins(guest)?;
    guest.ok("mvmhost apply && mvmhost plan")?;
    if all {
        bench::boots(guest)?;
    }
    bench::checks(guest)
}

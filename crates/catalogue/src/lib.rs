//! THE table of everything mvmhost can say. The rows of a domain are in its own folder `catalogue`, a
//! file for each family of codes; they are compiled here, because one domain names rows of another.
//!
//! To add a message: add a row to the family's file, use it somewhere, run `cargo xtask generate`.

use mvm_finding::Entry;

/// Of an error `Broken` where the row does not say; only an error can say it.
macro_rules! exit_class {
    (Error) => {
        Some(mvm_finding::Exit::Broken)
    };
    (Error $exit:ident) => {
        Some(mvm_finding::Exit::$exit)
    };
    ($severity:ident) => {
        None
    };
}

/// Declares the rows of one family. Of a row `step_failed(step)` it makes the constructor
/// `step_failed(subject, step)`, which takes a value for each placeholder of the row's texts, the row
/// itself as `step_failed::ROW`, and its place in the list `ALL`. The row of an error may end with
/// `exit: Refused` or `exit: Unavailable`. A placeholder without a field, and a field without a placeholder, do not compile.
macro_rules! catalogue {
    ($( $name:ident($($field:ident),*) = $code:literal, $id:literal, $severity:ident {
        message: $message:literal, cause: $cause:literal, remedy: $remedy:expr
        $(, exit: $exit:ident)? $(,)?
    } )*) => {
        use mvm_finding::{Entry, Finding, Severity};
        $(
            #[doc = $message]
            pub fn $name(subject: impl Into<String>, $($field: impl ToString),*) -> Finding {
                Finding::chosen(&$name::ROW, subject)$(.with(stringify!($field), $field))*
            }

            #[doc = concat!("The row of ", $code, ".")]
            pub mod $name {
                #[allow(clippy::wildcard_imports, reason = "a text may be a constant of the family")]
                use super::*;

                /// What stands in the catalogue.
                pub static ROW: Entry = Entry {
                    code: $code, id: $id, severity: Severity::$severity,
                    name: stringify!($name), module: module_path!(),
                    exit: exit_class!($severity $($exit)?),
                    message: $message, cause: $cause, remedy: $remedy,
                };

                const _: () = assert!(
                    ROW.takes(&[$(stringify!($field)),*]),
                    "a placeholder has no field, or a field no placeholder"
                );
            }
        )*
        pub(crate) static ALL: &[(&str, &Entry)] =
            &[$((stringify!($name), &$name::ROW)),*];
    };
}

#[path = "../../bin/mvmhost/catalogue/init.rs"]
pub mod init;
#[path = "../../bin/mvmhost/catalogue/report.rs"]
pub mod report;

#[path = "../../checks/catalogue/checked.rs"]
pub mod checked;
#[path = "../../checks/catalogue/host.rs"]
pub mod host;
#[path = "../../checks/catalogue/kvm.rs"]
pub mod kvm;
#[path = "../../checks/catalogue/sec.rs"]
pub mod sec;
#[path = "../../checks/catalogue/seen/mod.rs"]
pub mod seen;
#[path = "../../checks/catalogue/vmm.rs"]
pub mod vmm;

#[path = "../../cli/host/catalogue/remote.rs"]
pub mod remote;

#[path = "../../cli/microvms/catalogue/vm.rs"]
pub mod vm;

#[path = "../../config/catalogue/conf.rs"]
pub mod conf;

#[path = "../../core/catalogue/said.rs"]
pub mod said;

#[path = "../../guard/plan/catalogue/guard.rs"]
pub mod guard;

#[path = "../../images/plan/catalogue/img.rs"]
pub mod img;

#[path = "../../network/plan/catalogue/deep.rs"]
pub mod deep;
#[path = "../../network/plan/catalogue/dhcp.rs"]
pub mod dhcp;
#[path = "../../network/plan/catalogue/down.rs"]
pub mod down;
#[path = "../../network/plan/catalogue/nat.rs"]
pub mod nat;
#[path = "../../network/plan/catalogue/net.rs"]
pub mod net;
#[path = "../../network/plan/catalogue/reserved.rs"]
pub mod reserved;
#[path = "../../network/plan/catalogue/tailscale.rs"]
pub mod tailscale;
#[path = "../../network/plan/catalogue/uplink.rs"]
pub mod uplink;

#[path = "../../pool/plan/catalogue/adopt.rs"]
pub mod adopt;
#[path = "../../pool/plan/catalogue/database.rs"]
pub mod database;
#[path = "../../pool/plan/catalogue/disk.rs"]
pub mod disk;
#[path = "../../pool/plan/catalogue/pool.rs"]
pub mod pool;
#[path = "../../pool/plan/catalogue/teardown.rs"]
pub mod teardown;

#[path = "../../repair/plan/catalogue/repair.rs"]
pub mod repair;

#[path = "../../tls/catalogue/tls.rs"]
pub mod tls;

#[path = "../../units/plan/catalogue/chain.rs"]
pub mod chain;
#[path = "../../units/plan/catalogue/ctrd.rs"]
pub mod ctrd;
#[path = "../../units/plan/catalogue/drift.rs"]
pub mod drift;
#[path = "../../units/plan/catalogue/flk.rs"]
pub mod flk;
#[path = "../../units/plan/catalogue/overrides.rs"]
pub mod overrides;
#[path = "../../units/plan/catalogue/units.rs"]
pub mod units;

/// Every row, family by family.
pub fn all() -> impl Iterator<Item = &'static Entry> {
    names().map(|(_, entry)| entry)
}

/// Every row with its name in the sources.
pub fn names() -> impl Iterator<Item = (&'static str, &'static Entry)> {
    let families = [
        adopt::ALL,
        chain::ALL,
        checked::ALL,
        deep::ALL,
        init::ALL,
        kvm::ALL,
        remote::ALL,
        repair::ALL,
        report::ALL,
        reserved::ALL,
        sec::ALL,
        tls::ALL,
        vm::ALL,
        vmm::ALL,
        conf::ALL,
        overrides::ALL,
        pool::ALL,
        pool::FILES,
        disk::ALL,
        guard::ALL,
        database::ALL,
        net::ALL,
        down::ALL,
        tailscale::ALL,
        nat::ALL,
        uplink::ALL,
        dhcp::ALL,
        ctrd::ALL,
        flk::ALL,
        host::ALL,
        img::ALL,
        said::ALL,
        teardown::ALL,
        units::ALL,
        drift::ALL,
    ];
    families.into_iter().chain(seen::FAMILIES).flatten().copied()
}

/// The row with this code, such as `MVM-POOL-012`; letter case does not matter.
pub fn find(code: &str) -> Option<&'static Entry> {
    all().find(|entry| entry.code.eq_ignore_ascii_case(code))
}

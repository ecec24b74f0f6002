//! An uplink that the file no longer names.

use mvm_core::Severity;
use mvm_network_kernel::uplink;
use mvm_network_plan::network::{Bridge, Desired};

use super::{desired, in_lab, ip};

#[test]
fn netns_a_port_that_the_file_no_longer_names_is_put_back_first() {
    in_lab(|lab| {
        uplink::arm(&lab.roots(), "wan", "br-mvm", 60).unwrap();
        lab.bring_up();
        assert_eq!(uplink::confirm(&lab.roots(), &mut lab.kernel)[0].code(), "MVM-NET-067");
        let addresses = vec!["10.42.0.1/24".parse().unwrap()];
        let mut without = Desired { uplink: None, ..desired() };
        without.bridge = without.bridge.map(|bridge| Bridge { addresses, ..bridge });
        let before = ip("address show");
        let outcome = uplink::bring_up(&lab.roots(), &mut lab.kernel, without.clone());
        assert_eq!(outcome.findings[0].code(), "MVM-NET-074");
        assert_eq!(ip("address show"), before);
        // As its remedy says.
        uplink::undo(&lab.roots(), &mut lab.kernel);
        let outcome = uplink::bring_up(&lab.roots(), &mut lab.kernel, without);
        assert!(
            outcome.findings.iter().all(|one| one.severity() != Severity::Error),
            "{outcome:?}"
        );
        assert!(!ip("link show dev wan").contains("master"));
        assert!(ip("-4 address show dev br-mvm").contains("10.42.0.1"));
    });
}

//! MVM-HOST 21x: what `mvmhost check` says of the chain of units as a whole.

catalogue! {
    never_applied() = "MVM-HOST-210", "ab1e8a9ce77cd192830dfd9fd7e8bcda", Error {
        message: "nothing is applied on this host yet",
        cause: "The package is installed and changes nothing by itself. Pool, network, containerd and flintlockd are set up by the first apply.",
        remedy: "mvmhost plan\nmvmhost apply",
    }
    unit_masked() = "MVM-HOST-211", "822abeb2c2f8a62f1bcb41053df897e5", Error {
        message: "{subject} is masked",
        cause: "A masked unit cannot start, by hand or at boot. The host needs it to serve microVMs.",
        remedy: "systemctl unmask {subject}\nsystemctl start mvmhost.target",
    }
    unit_missing() = "MVM-HOST-212", "f118a7446e26792259e0860077f584e0", Error {
        message: "systemd has no unit {subject}",
        cause: "The unit's file is not installed, or systemd has not read it yet.",
        remedy: "systemctl daemon-reload\nmvmhost apply",
    }
    unit_unusable(state) = "MVM-HOST-213", "8f15f0a844e881af7af999487aa59d28", Error {
        message: "systemd cannot use {subject}: {state}",
        cause: "The unit's file or a drop-in has a line that systemd refuses, so the unit cannot start.",
        remedy: "systemctl cat {subject}\njournalctl -b -u {subject} -n 20\n# correct the line that systemd names, then\nsystemctl daemon-reload\nsystemctl start mvmhost.target",
    }
    without_drop_in() = "MVM-HOST-214", "cd1258ef7dbffdf773b649b5678d0020", Error {
        message: "{subject} runs without the settings that mvmhost generates",
        cause: "systemd has not read the unit's drop-in. Without it the unit starts in the wrong order, with the wrong command line, or takes running microVMs down when it stops.",
        remedy: "systemctl daemon-reload\nmvmhost apply",
    }
    unit_outdated() = "MVM-HOST-215", "f025b55a51d535d82f2f3bed570016b2", Warning {
        message: "a file of {subject} changed since systemd read it",
        cause: "systemd keeps the settings it read before. The change takes effect at the next daemon-reload.",
        remedy: "systemctl daemon-reload\nmvmhost apply",
    }
    images_missing(count, total) = "MVM-HOST-216", "6ba0f9775761ddfe90eddb69ea9ebd9e", Error {
        message: "{count} of {total} images are not ready on this host",
        cause: "A microVM that needs one of them has to pull it first, and fails when its registry does not answer. mvm-images tries again every 10 minutes.",
        remedy: "mvmhost images pull",
    }
    not_as_declared(count) = "MVM-HOST-217", "57eca90bf404aacd569efad87cfcb735", Error {
        message: "this host differs from {subject}: {count} changes are pending",
        cause: "The file was edited, or something on the host was changed or removed since the last apply.",
        remedy: "mvmhost plan\nmvmhost apply",
    }
}

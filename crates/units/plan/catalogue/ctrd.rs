//! MVM-CTRD: the family of containerd.

catalogue! {
    operator_config_invalid() = "MVM-CTRD-001", "00da50ac9aaf75f64a3feb9f05ce01fc", Error {
        message: "{subject} is not valid TOML",
        cause: "containerd-dev uses this file instead of the one that mvmhost renders, and it cannot be read.",
        remedy: "mv {subject} {subject}.old  # or correct it\nmvmhost apply",
    }
    operator_config_differs(key, expected) = "MVM-CTRD-002", "30d593f8c6f3684bea5c1c4f5aaf1be7", Error {
        message: "{subject} does not fit this host: {key} should be \"{expected}\"",
        cause: "containerd-dev uses this file instead of the one that mvmhost renders. It names another pool or socket than /etc/mvmhost.toml, so flintlockd would look in the wrong place.",
        remedy: "mv {subject} {subject}.old  # or correct it\nmvmhost apply",
    }
    plugin_not_ok(state, unit) = "MVM-CTRD-003", "29790e0c19e1be330e3fc27a8c3fc545", Error {
        message: "containerd's devmapper snapshotter on {subject} is not ok: {state}",
        cause: "containerd starts without its pool and does not try again. It cannot make root volumes of microVMs until the plugin has loaded.",
        remedy: "systemctl restart {unit}  # not while mvmhost check reports MVM-FLK-025\n# with [containerd] instance = \"system\": first set pool_name and base_image_size in the section plugins.\"io.containerd.snapshotter.v1.devmapper\" of /etc/containerd/config.toml",
    }
    no_answer(unit) = "MVM-CTRD-004", "5c6dedc58bd06a1c45fe24f1a39c5e4c", Error {
        message: "containerd does not answer on {subject}",
        cause: "flintlockd connects to this socket once, at its start, and does nothing when it gets no answer.",
        remedy: "journalctl -b -u {unit} -n 20\nsystemctl start mvmhost.target",
    }
    plugin_ok() = "MVM-CTRD-005", "8180689cd53843f55cf2093b981a4bf9", Info {
        message: "containerd's devmapper snapshotter on {subject} is ok",
        cause: "The plugin has loaded with its pool.",
        remedy: "",
    }
    binary_missing() = "MVM-CTRD-006", "54cc5606ce260a4f369456b01304abcd", Error {
        message: "there is no containerd at {subject}",
        cause: "[containerd] binary in /etc/mvmhost.toml names a file that is missing or cannot be executed.",
        remedy: "{install_containerd}",
    }
    config_not_written(why) = "MVM-CTRD-007", "614e5920926ab152d2bc718a7ac40766", Error {
        message: "{subject} could not be written: {why}",
        cause: "containerd-dev's configuration is rendered at each of its starts; a full /run is the usual reason.",
        remedy: "df -h /run",
    }
}

//! MVM-CTRD: the family of containerd.

catalogue! {
    OPERATOR_CONFIG_INVALID = "MVM-CTRD-001", "00da50ac9aaf75f64a3feb9f05ce01fc", Error {
        message: "{subject} is not TOML",
        cause: "containerd-dev uses the operator's own configuration where there is one, and this one cannot be read.",
        remedy: "# mend it, or move it away to let mvmhost render one:\nmv {subject} {subject}.old\nmvmhost apply",
    }
    OPERATOR_CONFIG_DIFFERS = "MVM-CTRD-002", "30d593f8c6f3684bea5c1c4f5aaf1be7", Error {
        message: "{subject} does not fit this host: {key} should be \"{expected}\"",
        cause: "containerd-dev uses the operator's own configuration where there is one. This one names another pool or socket than /etc/mvmhost.toml does, so flintlockd would look in the wrong place.",
        remedy: "# mend it, or move it away to let mvmhost render one:\nmv {subject} {subject}.old\nmvmhost apply",
    }
    PLUGIN_NOT_OK = "MVM-CTRD-003", "29790e0c19e1be330e3fc27a8c3fc545", Error {
        message: "containerd's devmapper snapshotter on {subject} is not ok: {state}",
        cause: "containerd starts without its pool, says nothing and never tries again. Root volumes of microVMs cannot be made until the plugin has loaded.",
        remedy: "# with [containerd] instance = \"system\", first put the name of [thinpool] name as pool_name, and a base_image_size such as \"10GB\", into the section plugins.\"io.containerd.snapshotter.v1.devmapper\" of /etc/containerd/config.toml (version = 2 or later):\nsystemctl restart {unit}",
    }
    NO_ANSWER = "MVM-CTRD-004", "5c6dedc58bd06a1c45fe24f1a39c5e4c", Error {
        message: "containerd does not answer on {subject}",
        cause: "flintlockd dials this socket once at its start and idles for ever when nobody answers.",
        remedy: "journalctl -b -u {unit} -n 20\nsystemctl start mvmhost.target",
    }
    PLUGIN_OK = "MVM-CTRD-005", "8180689cd53843f55cf2093b981a4bf9", Info {
        message: "containerd's devmapper snapshotter on {subject} is ok",
        cause: "The plugin has loaded with its pool.",
        remedy: "",
    }
    BINARY_MISSING = "MVM-CTRD-006", "54cc5606ce260a4f369456b01304abcd", Error {
        message: "there is no containerd at {subject}",
        cause: "[containerd] binary in /etc/mvmhost.toml names a file that is missing or cannot be executed.",
        remedy: "apt-get install containerd",
    }
    CONFIG_NOT_WRITTEN = "MVM-CTRD-007", "614e5920926ab152d2bc718a7ac40766", Error {
        message: "{subject} could not be written: {why}",
        cause: "containerd-dev's configuration is rendered at each of its starts; a full /run is the usual reason.",
        remedy: "df -h /run",
    }
}

//! MVM-CONF: the family of configuration.

catalogue! {
    INVALID = "MVM-CONF-001", "cbce086f608affce03d99a514af0acdc", Error {
        message: "invalid configuration: {problem}",
        cause: "The file has a line that mvmhost cannot follow: a syntax error, an unknown key, a wrong value, or settings that exclude each other. Nothing of it is used until every line is right.",
        remedy: "mvmhost config check",
    }
    LAST_GOOD = "MVM-CONF-002", "87dfb664ebada35e1b6ba4e35ba5ddd0", Error {
        message: "running from the last good configuration, because {problem}",
        cause: "/etc/mvmhost.toml does not parse, so this boot uses /etc/mvmhost/applied.toml, which the last successful `mvmhost apply` kept. Changes made since then have no effect.",
        remedy: "mvmhost config check",
    }
    NO_LAST_GOOD = "MVM-CONF-003", "ca92f470fcd1b7bb1070e59a03f300ed", Error {
        message: "flintlockd is held back: there is no last good configuration, and {problem}",
        cause: "/etc/mvmhost.toml does not parse and /etc/mvmhost/applied.toml cannot stand in for it. A flintlockd on a host that is not as declared would give up its microVMs for good, so it is not started.",
        remedy: "mvmhost config check\nmvmhost apply",
    }
    KEPT = "MVM-CONF-005", "f8aff0dec3a8cfaaca711a8fa333cf57", Info {
        message: "configuration applied and kept as the last good one",
        cause: "/etc/mvmhost/applied.toml is what the next boot falls back to when /etc/mvmhost.toml does not parse.",
        remedy: "",
    }
    LAST_GOOD_UNREADABLE = "MVM-CONF-006", "7e54c0006a28463477c8cdd689dfffb3", Error {
        message: "the last good configuration is itself unreadable: {problem}",
        cause: "/etc/mvmhost/applied.toml is written by `mvmhost apply` and read at boot when /etc/mvmhost.toml does not parse. It was changed or damaged, so nothing can stand in for a broken file.",
        remedy: "mvmhost apply",
    }
    UNIT_NOT_WRITTEN = "MVM-CONF-007", "c3baa8e1a2af3a0c3ad34554a6351aa3", Error {
        message: "{subject} could not be written: {why}",
        cause: "mvmhost-generator writes its unit files under /run/systemd before any service starts. Without this one a service runs unordered or with its packaged settings; a full /run is the usual reason.",
        remedy: "df -h /run\nsystemctl daemon-reload",
    }
    UNDONE = "MVM-CONF-008", "0ac67e2f7c4b4d8488fe1ee600807817", Info {
        message: "{subject} is again what it was before the last apply",
        cause: "`mvmhost undo` put the files of then back, and applied them. What they said is kept beside them under the name with .undone added.",
        remedy: "",
    }
    EDITED = "MVM-CONF-009", "b6d011728d064954bc001fc618432309", Error {
        message: "{subject} or its fragments were changed since the last apply, so nothing is put back",
        cause: "`mvmhost undo` goes back from what was applied last to what was applied before, and would lose what was edited since. Nothing was changed.",
        remedy: "mvmhost plan\n# every key that was applied last:\nmvmhost --config /etc/mvmhost/applied.toml config show",
    }
}

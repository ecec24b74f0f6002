//! MVM-CONF: the family of configuration.

catalogue! {
    invalid(problem) = "MVM-CONF-001", "cbce086f608affce03d99a514af0acdc", Error {
        message: "invalid configuration: {problem}",
        cause: "The file has a syntax error, an unknown key, a wrong value, or settings that exclude each other. mvmhost uses nothing of it until every line is right.",
        remedy: "mvmhost config schema\n# correct the line that is named; every key is explained in man mvmhost.toml",
    }
    last_good(problem) = "MVM-CONF-002", "87dfb664ebada35e1b6ba4e35ba5ddd0", Error {
        message: "this host runs from the last good configuration: {problem}",
        cause: "/etc/mvmhost.toml is not valid, so this boot uses /etc/mvmhost/applied.toml, which the last successful `mvmhost apply` kept. Changes made since then have no effect.",
        remedy: "mvmhost config check\n# correct the line that it names, then\nmvmhost apply",
    }
    no_last_good(problem) = "MVM-CONF-003", "ca92f470fcd1b7bb1070e59a03f300ed", Error {
        message: "flintlockd does not start, no configuration is valid: {problem}",
        cause: "/etc/mvmhost.toml is not valid and there is no last good configuration. flintlockd would give up its microVMs on a host that is not set up.",
        remedy: "mvmhost config check\n# correct the line that it names, then\nmvmhost apply",
    }
    kept() = "MVM-CONF-005", "f8aff0dec3a8cfaaca711a8fa333cf57", Info {
        message: "configuration applied and kept as the last good one",
        cause: "/etc/mvmhost/applied.toml is what the next boot falls back to when /etc/mvmhost.toml does not parse.",
        remedy: "",
    }
    last_good_unreadable(problem) = "MVM-CONF-006", "7e54c0006a28463477c8cdd689dfffb3", Error {
        message: "the last good configuration cannot be read: {problem}",
        cause: "`mvmhost apply` writes /etc/mvmhost/applied.toml, and a boot reads it when /etc/mvmhost.toml is not valid. It was changed or damaged.",
        remedy: "mvmhost apply",
    }
    unit_not_written(why) = "MVM-CONF-007", "c3baa8e1a2af3a0c3ad34554a6351aa3", Error {
        message: "{subject} could not be written: {why}",
        cause: "mvmhost-generator writes unit files under /run/systemd before any service starts. Without this one a service starts too early or with its packaged settings. The usual reason is a full /run.",
        remedy: "df -h /run\nsystemctl daemon-reload",
    }
    undone() = "MVM-CONF-008", "0ac67e2f7c4b4d8488fe1ee600807817", Info {
        message: "{subject} is again as it was before the last apply",
        cause: "`mvmhost undo` put the earlier files back and applied them. The later ones are kept beside them with .undone added to the name.",
        remedy: "",
    }
    edited() = "MVM-CONF-009", "b6d011728d064954bc001fc618432309", Error {
        message: "{subject} or its fragments changed since the last apply: nothing was undone",
        cause: "`mvmhost undo` would lose what was edited since the last apply. Nothing was changed.",
        remedy: "mvmhost plan\nmvmhost --config /etc/mvmhost/applied.toml config show  # every key that was applied last",
    }
}

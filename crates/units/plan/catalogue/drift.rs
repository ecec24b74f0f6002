//! MVM-HOST 13x: what differs between the host and what the last `mvmhost apply` left.

catalogue! {
    never_applied() = "MVM-HOST-131", "de84b48e0d80cdc65e8a3615113fccad", Warning {
        message: "nothing was applied on {subject} yet",
        cause: "There is no /etc/mvmhost/applied.toml, which mvmhost apply writes. A boot sets the host up from /etc/mvmhost.toml. If that is invalid, the boot has no other file to use.",
        remedy: "mvmhost plan\n\
                 mvmhost apply",
    }
    not_as_applied(count) = "MVM-HOST-132", "e2517fb936b83c8b65042a93991bf822", Warning {
        message: "{count} keys of {subject} differ from what was applied",
        cause: "The file or one of its fragments was edited since the last mvmhost apply, or \
                a new version of mvmhost knows another default. The next boot takes it as it \
                is.",
        remedy: "mvmhost plan\n\
                 mvmhost apply",
    }
    not_as_generated(count) = "MVM-HOST-133", "31e40d270376cdf4626c67a6bd1e3f2b", Warning {
        message: "{count} generated unit files are not what {subject} writes",
        cause: "They were changed or removed after systemd was reloaded, or the \
                configuration or the generator is another one since.",
        remedy: "mvmhost plan\n\
                 mvmhost apply",
    }
    steps_pending(count) = "MVM-HOST-134", "d55d2ee69b18550b915e9de4217427d5", Warning {
        message: "{subject} is not as mvmhost apply left it: {count} steps would change it",
        cause: "The host differs from the configuration: something was changed, failed since, or waits for an apply.",
        remedy: "mvmhost plan\n\
                 mvmhost apply",
    }
    version_changed(now, then) = "MVM-HOST-135", "d37214ba556f18f5617a56315059b0d7", Info {
        message: "{subject} is {now} and was {then} at the last apply",
        cause: "It was upgraded or downgraded since. What runs from a file that was replaced \
                is restarted by the next mvmhost apply.",
        remedy: "",
    }
}

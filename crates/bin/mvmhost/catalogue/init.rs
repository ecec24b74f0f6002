//! MVM-HOST 26x: `mvmhost init`.

catalogue! {
    written() = "MVM-HOST-261", "2c5f10186abfb78bfbe8a4cac7883ad7", Info {
        message: "{subject} is written; nothing else has changed",
        cause: "mvmhost init writes the configuration and stops. mvmhost plan shows what mvmhost apply would do.",
        remedy: "",
    }
    edited(keys) = "MVM-HOST-262", "85f82d23ec986f0c5fccfd12dd0e3e1d", Error {
        message: "{subject} is already edited: {keys}",
        cause: "mvmhost init writes a new file. It does not replace an edited one without --replace.",
        remedy: "mvmhost config show\n# to begin again, which keeps the old file as {subject}.before-init:\nmvmhost init --replace",
    }
    no_answer() = "MVM-HOST-263", "dfe3b0bc7ca1d81a86cf184ccd10f627", Error {
        message: "mvmhost init cannot ask: {subject} is not a terminal",
        cause: "It asks four questions. Without a terminal the answers come from options, or are the defaults with --yes.",
        remedy: "mvmhost init --yes",
    }
    bad_answer() = "MVM-HOST-264", "488ff888cc658045c440f953e79cb982", Error {
        message: "this answer cannot be used: {subject}",
        cause: "The answers do not fit what this host has, or each other.",
        remedy: "mvmhost init --help  # shows which answers it takes\nmvmhost init",
    }
    not_written(why) = "MVM-HOST-265", "75b41ff279f49efb5c58ea4268b28547", Error {
        message: "{subject} is not written: {why}",
        cause: "The configuration could not be kept. What was there before is as it was.",
        remedy: "ls -l {subject}\ndf -h /etc",
    }
    no_kvm() = "MVM-HOST-266", "442f6c1d4ad6b7ff7a67e57e52e72e7e", Warning {
        message: "this host can run no microVM yet: {subject}",
        cause: "Firecracker and Cloud Hypervisor need /dev/kvm. The configuration is valid without it.",
        remedy: "mvmhost check",
    }
    no_program() = "MVM-HOST-267", "ecfa41ce856ccc2cd6426d70dc69cb9e", Warning {
        message: "{subject} is not installed yet",
        cause: "No distribution has it. Copy the program of its release to /usr/local/bin. The configuration is valid without it.",
        remedy: "mvmhost apply  # first: put the program of its release there",
    }
    no_registry(why) = "MVM-HOST-268", "cbd1ea3272d08e2c31b91b28deae7a65", Warning {
        message: "no connection to the registry {subject} from here: {why}",
        cause: "flintlockd asks the registry of an image at each create, so that no microVM can be made while it is out of reach.",
        remedy: "mvmhost check --deep",
    }
}

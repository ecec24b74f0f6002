//! MVM-HOST 1xx: units and the work of `mvmhost apply`.

catalogue! {
    unit_failed(state) = "MVM-HOST-101", "97c80ed3642c068a51af32ec55dc55d1", Error {
        message: "{subject} is not up: {state}",
        cause: "A unit of the chain stopped, failed, or waits for one that failed. mvmhost tries to start failed units again within a minute.",
        remedy: "journalctl -b -u {subject} -n 20\nsystemctl start mvmhost.target",
    }
    host_up() = "MVM-HOST-102", "3a3310b6963180d967a022daace74854", Info {
        message: "the host is as {subject} says",
        cause: "mvmhost observed the host again after the last step. No step is left to do.",
        remedy: "",
    }
    not_systemd(why) = "MVM-HOST-103", "76f33cc014a0445c77efb371677d405c", Error {
        message: "systemd does not answer: {why}",
        cause: "mvmhost reloads and starts units over systemd's D-Bus interface. dbus.service may be down.",
        remedy: "systemctl status dbus.service",
        exit: Unavailable,
    }
    not_settled(count) = "MVM-HOST-104", "447c92551ae74b57d885ea8e0b79e7c7", Error {
        message: "{count} changes are still pending after {subject}",
        cause: "mvmhost observed the host again after the last step, and it is not as the file says. A unit may have failed, or another program changes the same things.",
        remedy: "mvmhost plan
mvmhost status",
    }
    step_failed(why) = "MVM-HOST-105", "dbca3d51df99ffcebc027abc16b767d3", Error {
        message: "{subject} failed: {why}",
        cause: "mvmhost apply could not carry out this step. It did not try the steps after it.",
        remedy: "mvmhost status
mvmhost apply",
    }
}

//! The spelling of every value that has a fixed set of names.

use super::kinds::Choice;
use crate::model::{Backend, Compatibility, Instance, LogLevel, NetworkMode, OnFailure, Provider};

impl Choice for Backend {
    const ALL: &'static [(&'static str, Self)] =
        &[("loop", Self::Loop), ("lvm", Self::Lvm), ("external", Self::External)];
}

impl Choice for Instance {
    const ALL: &'static [(&'static str, Self)] =
        &[("dedicated", Self::Dedicated), ("system", Self::System)];
}

impl Choice for LogLevel {
    const ALL: &'static [(&'static str, Self)] = &[
        ("trace", Self::Trace),
        ("debug", Self::Debug),
        ("info", Self::Info),
        ("warn", Self::Warn),
        ("error", Self::Error),
    ];
}

impl Choice for Provider {
    const ALL: &'static [(&'static str, Self)] =
        &[("firecracker", Self::Firecracker), ("cloudhypervisor", Self::CloudHypervisor)];
}

impl Choice for Compatibility {
    const ALL: &'static [(&'static str, Self)] =
        &[("current", Self::Current), ("before-0.7", Self::BeforeMacvtapRule)];
}

impl Choice for NetworkMode {
    const ALL: &'static [(&'static str, Self)] =
        &[("tap", Self::Tap), ("macvtap", Self::Macvtap), ("none", Self::None)];
}

impl Choice for OnFailure {
    const ALL: &'static [(&'static str, Self)] = &[("warn", Self::Warn), ("block", Self::Block)];
}

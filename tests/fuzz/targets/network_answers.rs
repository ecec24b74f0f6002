//! What the network and nft answer: a DHCP server on the bridge may be anybody's, and rules are what
//! somebody loaded.
#![cfg_attr(fuzzing, no_main)]

use libfuzzer_sys::fuzz_target;
use mvm_firewalls::{Forward, Saved, Tool, obstacles};
use mvm_network_plan::dhcp::{discover, offer};
use mvm_network_plan::network::Mac;

fuzz_target!(|bytes: &[u8]| {
    let id = 0x0102_0304;
    let _ = offer(id, bytes);
    // Behind a sound header, so that the options are reached.
    let mut packet = discover(id, [2, 0, 0, 0, 0, 1]);
    packet[0] = 2;
    packet.truncate(240);
    packet.extend_from_slice(bytes);
    if let Some(offered) = offer(id, &packet) {
        assert!(bytes.len() >= 9, "{offered:?}");
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Ok(mac) = text.parse::<Mac>() {
            assert_eq!(mac.to_string().parse(), Ok(mac));
        }
        let config = mvm_config::load::parse(&[]).unwrap().config;
        let saved = |tool, v6| Saved { tool, v6, text: text.to_owned() };
        let forward = Forward {
            tables: vec![text.to_owned()],
            saved: vec![saved(Tool::Iptables, false), saved(Tool::IptablesLegacy, true)],
            leaving: vec!["eth0".to_owned()],
            ..Forward::default()
        };
        for finding in obstacles(&config, &forward) {
            let remedy = finding.remedy();
            let typed = remedy.lines().filter(|line| !line.trim_start().starts_with('#'));
            for line in typed {
                assert!(!line.contains([';', '`', '$', '|', '&', '>', '\'']), "{line}");
            }
        }
    }
});

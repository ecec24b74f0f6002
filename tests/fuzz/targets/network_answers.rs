//! What the network and nft answer: a DHCP server on the bridge may be anybody's, and rules are what
//! somebody loaded.
#![cfg_attr(fuzzing, no_main)]

use libfuzzer_sys::fuzz_target;
use mvm_plan::checks::dropping;
use mvm_plan::dhcp::{discover, offer};
use mvm_plan::network::Mac;

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
        for chain in dropping(text) {
            let plain = |name: &str| !name.contains([' ', ';', '\'', '\n', '{']);
            assert!(plain(&chain.table) && plain(&chain.name), "{chain:?}");
        }
    }
});

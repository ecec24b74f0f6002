//! What a repair reads: containerd's database of devices, and what tools say of damaged metadata.
#![cfg_attr(fuzzing, no_main)]

use libfuzzer_sys::fuzz_target;
use mvm_repair_plan::bolt;
use mvm_repair_plan::repair::{Listing, recorded_devices};

fuzz_target!(|bytes: &[u8]| {
    let _ = recorded_devices(bytes);
    if let Ok(Some(pairs)) = bolt::bucket(bytes, b"devices") {
        let read: usize =
            pairs.iter().map(|(key, value)| key.len().min(1) + value.len().min(1)).sum();
        assert!(read <= bytes.len(), "more keys and values than bytes");
    }
    let (mut whole, mut pieces) = (Listing::default(), Listing::default());
    whole.take(bytes);
    bytes.chunks(3).for_each(|piece| pieces.take(piece));
    assert_eq!(whole.end(), pieces.end());
});

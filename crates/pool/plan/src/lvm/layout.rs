//! How the extents of a volume group are divided between data, metadata, its spare, and the room
//! without which growing would fail when it is needed.

/// Size of one block of data in bytes: what provision.sh's direct_lvm gives its pools.
pub const CHUNK: u64 = 512 << 10;

/// Metadata that one block of data may need, in bytes
/// (Documentation/admin-guide/device-mapper/thin-provisioning.rst).
const PER_BLOCK: u64 = 48;
/// Less metadata than this is never enough, in bytes (the same document).
const LEAST: u64 = 2 << 20;
/// How many times the kernel's figure the metadata gets: many snapshots of the same blocks.
const AMPLE: u64 = 4;
/// The most that a pool is given, in bytes; the kernel uses at most 255 * 16384 blocks of 4 KiB,
/// and what LVM rounds up has to stay below it.
const MOST: u64 = 15 << 30;

/// The parts of a volume group, in extents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// The pool's data.
    pub data: u64,
    /// The pool's metadata; its spare, into which LVM repairs, has the same size.
    pub metadata: u64,
    /// What stays free: one step of growth of data, metadata and spare.
    pub room: u64,
}

/// There are too few extents for a pool that could grow once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooSmall {
    /// How many extents there are.
    pub extents: u64,
}

/// Divides `extents` free extents of `extent_size` bytes each; one step of growth is
/// `grow_percent` of the size at that time.
///
/// 95 % for data, as provision.sh takes, leaves less than a step of 20 %: the pool would never
/// grow.
///
/// # Errors
/// When nothing is left for data.
pub fn layout(extents: u64, extent_size: u64, grow_percent: u64) -> Result<Layout, TooSmall> {
    let too_small = TooSmall { extents };
    if extent_size == 0 {
        return Err(too_small);
    }
    let blocks = u128::from(extents) * u128::from(extent_size) / u128::from(CHUNK);
    let figure = u64::try_from(blocks).unwrap_or(u64::MAX).saturating_mul(PER_BLOCK).max(LEAST);
    let metadata = figure.saturating_mul(AMPLE).min(MOST).div_ceil(extent_size);
    let beside = metadata.saturating_add(step(metadata, grow_percent)).saturating_mul(2);
    let remaining = extents.checked_sub(beside).ok_or(too_small)?;
    // The step is rounded up to whole extents, so data is what fits together with it.
    let mut data = part(remaining, 100, grow_percent.saturating_add(100));
    if data.saturating_add(step(data, grow_percent)) > remaining {
        data = data.saturating_sub(1);
    }
    if data == 0 || data.saturating_mul(extent_size) < CHUNK {
        return Err(too_small);
    }
    Ok(Layout { data, metadata, room: extents - data - 2 * metadata })
}

/// One step of growth, rounded up.
fn step(size: u64, percent: u64) -> u64 {
    let wide = (u128::from(size) * u128::from(percent)).div_ceil(100);
    u64::try_from(wide).unwrap_or(u64::MAX)
}

fn part(size: u64, of: u64, whole: u64) -> u64 {
    u64::try_from(u128::from(size) * u128::from(of) / u128::from(whole)).unwrap_or(size)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EXTENT: u64 = 4 << 20;

    #[test]
    fn a_terabyte_gets_four_times_the_kernels_figure() {
        let found = layout((1 << 40) / EXTENT, EXTENT, 20).unwrap();
        assert_eq!(found.metadata * EXTENT, 384 << 20);
        // (262144 - 2 * (96 + 20)) / 1.2
        assert_eq!(found.data, 218_260);
    }

    #[test]
    fn a_small_disk_gets_four_times_the_least() {
        assert_eq!(layout(511, EXTENT, 20).unwrap().metadata * EXTENT, 8 << 20);
    }

    #[test]
    fn what_cannot_hold_a_pool_is_refused() {
        for extents in [0, 1, 4, 6] {
            assert_eq!(layout(extents, EXTENT, 20), Err(TooSmall { extents }));
        }
        assert_eq!(layout(100, 0, 20), Err(TooSmall { extents: 100 }));
    }

    proptest! {
        #[test]
        fn one_step_always_fits_and_nothing_is_given_twice(
            extents in any::<u64>(), shift in 0_u32..40, percent in 0_u64..=100,
        ) {
            if let Ok(found) = layout(extents, 1 << shift, percent) {
                prop_assert_eq!(found.data + 2 * found.metadata + found.room, extents);
                let grown = step(found.data, percent) + 2 * step(found.metadata, percent);
                prop_assert!(grown <= found.room, "{found:?}");
            }
        }
    }
}

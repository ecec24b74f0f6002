//! What the kernel says, put together and cut off.

use super::kind::Kind;
use super::listing::Listing;
use super::{messages, result};

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len() + 4).unwrap();
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend_from_slice(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn listed(kind: Kind, payloads: &[Vec<u8>]) -> String {
    let mut listing = Listing::default();
    payloads.iter().for_each(|payload| listing.add(kind, payload));
    listing.into_text()
}

/// A rule of the table of this name, with a handle and one more attribute.
fn rule(family: u8, table: &[u8], handle: u8, expression: &[u8]) -> Vec<u8> {
    let header = vec![family, 0, 0, 0];
    let (name, handle) = (attribute(1, table), attribute(3, &[handle; 8]));
    [header, name, handle, attribute(4, expression)].concat()
}

#[test]
fn a_listing_has_what_is_ours_without_the_kernels_numbers() {
    let ours = rule(1, b"mvmhost\0", 7, &[0xab, 0xcd]);
    let text = listed(Kind::Rule, std::slice::from_ref(&ours));
    assert_eq!(text, "rule 1:6d766d686f737400 4:abcd\n");
    assert_eq!(listed(Kind::Rule, &[rule(1, b"mvmhost\0", 8, &[0xab, 0xcd])]), text);
    assert_ne!(listed(Kind::Rule, &[rule(1, b"mvmhost\0", 7, &[0xab, 0xce])]), text);
    for other in [rule(2, b"mvmhost\0", 7, &[]), rule(1, b"mvmhost2\0", 7, &[]), vec![1], vec![]] {
        assert_eq!(listed(Kind::Rule, &[ours.clone(), other]), text);
    }
}

#[test]
fn what_is_cut_off_is_another_listing() {
    let mut cut = rule(1, b"mvmhost\0", 7, &[0xab; 12]);
    cut.truncate(cut.len() - 4);
    assert_eq!(listed(Kind::Rule, &[cut]), "rule 1:6d766d686f737400 ?\n");
}

#[test]
fn messages_end_where_the_piece_does() {
    let message = |length: u32| {
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend([2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend((-17_i32).to_ne_bytes());
        bytes
    };
    let two = [message(20), message(20)].concat();
    let results: Vec<_> = messages(&two).map(|found| result(found.payload())).collect();
    assert_eq!(results, [Err(nix::errno::Errno::EEXIST); 2]);
    for hostile in [message(0), message(3), message(15), message(21), message(u32::MAX)] {
        assert_eq!(messages(&hostile).count(), 0, "{hostile:?}");
    }
    assert_eq!(messages(&two[..30]).count(), 1);
    assert_eq!(result(&i32::MIN.to_ne_bytes()), Err(nix::errno::Errno::UnknownErrno));
    assert_eq!(result(&[]), Ok(()));
}

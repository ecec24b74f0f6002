//! DHCP as a client that only asks who would serve it: one question, and the offers to it. RFC 2131
//! and 2132. Nothing is requested, so that no lease is made and none has to be given back.
//!
//! dhcproto brings 45 packages with it (jni and the tables of Unicode among them) for a packet with
//! two options.

use std::net::Ipv4Addr;

use serde::Deserialize;

/// A server's offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Offer {
    /// Who offers.
    pub server: Ipv4Addr,
    /// `yiaddr` of the offer: the address that the server would give.
    pub address: Ipv4Addr,
}

const REQUEST: u8 = 1;
const REPLY: u8 = 2;
const ETHERNET: u8 = 1;
/// The first bit of the flags: answer by broadcast, the client has no address yet.
const BROADCAST: [u8; 2] = [0x80, 0];
const COOKIE: [u8; 4] = [99, 130, 83, 99];
/// Where the options begin, after the cookie.
const OPTIONS: usize = 240;
/// A packet shorter than this is thrown away by old relays, in bytes.
const LENGTH: usize = 300;

const PAD: u8 = 0;
const MESSAGE_TYPE: u8 = 53;
const SERVER: u8 = 54;
const END: u8 = 255;
const DISCOVER: u8 = 1;
const OFFER: u8 = 2;

/// The question of a client with this hardware address; `id` tells its answers from others'.
pub fn discover(id: u32, mac: [u8; 6]) -> Vec<u8> {
    let mut packet = vec![0; LENGTH];
    let parts: [(usize, &[u8]); 6] = [
        (0, &[REQUEST, ETHERNET, 6]),
        (4, &id.to_be_bytes()),
        (10, &BROADCAST),
        (28, &mac),
        (236, &COOKIE),
        (OPTIONS, &[MESSAGE_TYPE, 1, DISCOVER, END]),
    ];
    for (at, bytes) in parts {
        for (to, from) in packet.iter_mut().skip(at).zip(bytes) {
            *to = *from;
        }
    }
    packet
}

/// The offer in an answer to `id`; `None` for everything else, however broken.
pub fn offer(id: u32, packet: &[u8]) -> Option<Offer> {
    let four = |at: usize| packet.get(at..at + 4).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
    if packet.first() != Some(&REPLY) || four(4)? != id.to_be_bytes() || four(236)? != COOKIE {
        return None;
    }
    let options = packet.get(OPTIONS..)?;
    if option(options, MESSAGE_TYPE)? != [OFFER] {
        return None;
    }
    let server = <[u8; 4]>::try_from(option(options, SERVER)?).ok()?;
    Some(Offer { server: server.into(), address: four(16)?.into() })
}

/// The value of the first option of this kind.
fn option(mut options: &[u8], code: u8) -> Option<&[u8]> {
    loop {
        let (&kind, rest) = options.split_first()?;
        match kind {
            END => return None,
            PAD => options = rest,
            _ => {
                let (&length, rest) = rest.split_first()?;
                let (value, rest) = rest.split_at_checked(usize::from(length))?;
                if kind == code {
                    return Some(value);
                }
                options = rest;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(id: u32, options: &[u8]) -> Vec<u8> {
        let mut packet = discover(id, [2, 0, 0, 0, 0, 1]);
        packet[0] = REPLY;
        packet[16..20].copy_from_slice(&[10, 42, 0, 17]);
        packet.truncate(OPTIONS);
        packet.extend_from_slice(options);
        packet
    }

    #[test]
    fn a_question_is_as_servers_want_it() {
        let packet = discover(0x0102_0304, [2, 0, 0, 0, 0, 9]);
        assert_eq!((packet.len(), &packet[..8]), (300, &[1, 1, 6, 0, 1, 2, 3, 4][..]));
        assert_eq!((&packet[10..12], &packet[28..34]), (&[0x80, 0][..], &[2, 0, 0, 0, 0, 9][..]));
        assert_eq!(&packet[236..244], &[99, 130, 83, 99, 53, 1, 1, 255]);
    }

    #[test]
    fn only_an_offer_to_this_question_is_one() {
        let good = [PAD, 3, 4, 10, 42, 0, 1, SERVER, 4, 10, 42, 0, 1, MESSAGE_TYPE, 1, OFFER, END];
        let offered = Offer { server: [10, 42, 0, 1].into(), address: [10, 42, 0, 17].into() };
        assert_eq!(offer(7, &answer(7, &good)), Some(offered));
        assert_eq!(offer(8, &answer(7, &good)), None);
        // An acknowledgement, no server, a server of three bytes, lengths past the end.
        for options in [
            &[MESSAGE_TYPE, 1, 5, SERVER, 4, 1, 2, 3, 4, END][..],
            &[MESSAGE_TYPE, 1, OFFER, END],
            &[MESSAGE_TYPE, 1, OFFER, SERVER, 3, 1, 2, 3, END],
            &[MESSAGE_TYPE, 1, OFFER, SERVER, 200, 1],
            &[MESSAGE_TYPE],
            &[],
        ] {
            assert_eq!(offer(7, &answer(7, options)), None, "{options:?}");
        }
        let whole = answer(7, &good);
        for length in 0..whole.len() - 1 {
            assert_eq!(offer(7, &whole[..length]), None, "cut after {length} bytes");
        }
        assert_eq!(offer(7, &discover(7, [0; 6])), None, "a question is no answer");
    }
}

//! What a guest does on its card: asks for an address by DHCP, answers ARP and pings.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::AsFd;

/// A lost answer is asked for again after this time.
const AGAIN: Duration = Duration::from_secs(2);
const IPV4: [u8; 2] = [8, 0];
const ARP: [u8; 2] = [8, 6];
const EVERYBODY: [u8; 6] = [0xff; 6];
const DISCOVER: u8 = 1;
const OFFER: u8 = 2;
const REQUEST: u8 = 3;
const ACKNOWLEDGED: u8 = 5;

mod tun {
    nix::ioctl_write_ptr_bad!(
        set_interface,
        nix::request_code_write!(b'T', 202, size_of::<nix::libc::c_int>()),
        nix::libc::ifreq
    );
}

/// Lives on this tap until the process ends.
///
/// # Errors
/// The tap cannot be opened, read or written.
pub fn live(tap: &str, mac: [u8; 6]) -> Result<()> {
    let mut card = open(tap)?;
    let mut guest = Guest { mac, address: None, asked_at: None };
    let mut frame = [0; 2048];
    loop {
        if let Some(question) = guest.question(Instant::now()) {
            card.write_all(&question).context("writing")?;
        }
        let mut ready = [PollFd::new(card.as_fd(), PollFlags::POLLIN)];
        if poll(&mut ready, PollTimeout::from(500_u16))? == 0 {
            continue;
        }
        let length = card.read(&mut frame).context("reading")?;
        let had = guest.address;
        if let Some(answer) = guest.answer(frame.get(..length).unwrap_or_default()) {
            card.write_all(&answer).context("writing")?;
        }
        if had != guest.address {
            println!("standin: guest has {:?}\nstandin login:", guest.address);
        }
    }
}

/// Opens the tap as a VMM does, which gives it a carrier.
#[expect(unsafe_code, reason = "ioctl of the kernel's tun driver")]
fn open(tap: &str) -> Result<File> {
    let card = File::options().read(true).write(true).open("/dev/net/tun")?;
    // SAFETY: ifreq is plain data, for which zeroes are a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(tap.bytes().take(15)) {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_TAP | libc::IFF_NO_PI) as i16;
    // SAFETY: the descriptor is open and the kernel reads one ifreq.
    unsafe { tun::set_interface(card.as_raw_fd(), &raw const request) }.context("TUNSETIFF")?;
    Ok(card)
}

#[derive(Debug)]
struct Guest {
    mac: [u8; 6],
    address: Option<[u8; 4]>,
    asked_at: Option<Instant>,
}

impl Guest {
    /// The question for an address, while there is none and the last one is long ago.
    fn question(&mut self, now: Instant) -> Option<Vec<u8>> {
        let waits = self.asked_at.is_some_and(|asked_at| now.duration_since(asked_at) < AGAIN);
        if self.address.is_some() || waits {
            return None;
        }
        self.asked_at = Some(now);
        Some(self.dhcp(&[53, 1, DISCOVER, 255]))
    }

    fn answer(&mut self, frame: &[u8]) -> Option<Vec<u8>> {
        let (kind, body) = (frame.get(12..14)?, frame.get(14..)?);
        if kind == ARP {
            return self.arp(body);
        }
        if kind != IPV4 || body.first()? & 15 != 5 {
            return None;
        }
        match body.get(9)? {
            1 if body.get(16..20) == self.address.as_ref().map(|own| &own[..]) => echo(frame),
            17 if body.get(22..24)? == [0, 68] => self.leased(body.get(28..)?),
            _ => None,
        }
    }

    /// Who has our address: we.
    fn arp(&self, body: &[u8]) -> Option<Vec<u8>> {
        let own = self.address?;
        if body.get(6..8)? != [0, 1] || body.get(24..28)? != own {
            return None;
        }
        let (asker, asker_address) = (body.get(8..14)?, body.get(14..18)?);
        let head = [0, 1, 8, 0, 6, 4, 0, 2];
        Some([asker, &self.mac, &ARP, &head, &self.mac, &own, asker, asker_address].concat())
    }

    /// An offer is taken, an acknowledgement believed.
    fn leased(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        if packet.get(28..34)? != self.mac || packet.first()? != &2 {
            return None;
        }
        let offered: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
        let options = packet.get(240..)?;
        match *option(options, 53)?.first()? {
            OFFER => {
                let server = option(options, 54)?;
                let head = [53, 1, REQUEST, 50, 4];
                Some(self.dhcp(&[&head[..], &offered, &[54, 4], server, &[255]].concat()))
            }
            ACKNOWLEDGED => {
                self.address = Some(offered);
                None
            }
            _ => None,
        }
    }

    /// A question of DHCP (RFC 2131) by broadcast.
    fn dhcp(&self, options: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; 240];
        packet.splice(0..3, [1, 1, 6]);
        packet.splice(4..8, self.mac.iter().skip(2).copied());
        packet.splice(28..34, self.mac);
        packet.splice(236..240, [99, 130, 83, 99]);
        packet.extend(options);
        packet.resize(packet.len().max(300), 0);
        let length = u16::try_from(packet.len() + 8).unwrap_or(308);
        let mut header = vec![0x45, 0];
        header.extend((length + 20).to_be_bytes());
        header.extend([0, 0, 0, 0, 64, 17, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255]);
        let sum = checksum(&header);
        header.splice(10..12, sum);
        let udp = [&[0, 68, 0, 67], &length.to_be_bytes()[..], &[0, 0]].concat();
        [&EVERYBODY[..], &self.mac, &IPV4, &header, &udp, &packet].concat()
    }
}

/// The frame turned round, as an answer to a ping.
fn echo(frame: &[u8]) -> Option<Vec<u8>> {
    if frame.get(34)? != &8 {
        return None;
    }
    let mut answer = frame.to_vec();
    let (to, from) = (frame.get(0..6)?.to_vec(), frame.get(6..12)?.to_vec());
    answer.splice(0..12, [from, to].concat());
    let (to, from) = (frame.get(26..30)?.to_vec(), frame.get(30..34)?.to_vec());
    answer.splice(26..34, [from, to].concat());
    answer.splice(34..38, [0, 0, 0, 0]);
    let length = usize::from(u16::from_be_bytes(frame.get(16..18)?.try_into().ok()?));
    let sum = checksum(answer.get(34..14 + length)?);
    answer.splice(36..38, sum);
    Some(answer)
}

/// The checksum of the internet protocols (RFC 1071).
fn checksum(bytes: &[u8]) -> [u8; 2] {
    let word = |pair: &[u8]| {
        u32::from(pair.first().copied().unwrap_or(0)) << 8
            | u32::from(pair.get(1).copied().unwrap_or(0))
    };
    let mut sum: u32 = bytes.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}

fn option(mut options: &[u8], code: u8) -> Option<&[u8]> {
    loop {
        match options {
            [255, ..] | [] => return None,
            [0, rest @ ..] => options = rest,
            [kind, length, rest @ ..] => {
                let (value, rest) = rest.split_at_checked(usize::from(*length))?;
                if *kind == code {
                    return Some(value);
                }
                options = rest;
            }
            [_] => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_is_taken_and_then_the_guest_answers() {
        let mac = [2, 0, 0, 0, 0, 7];
        let mut guest = Guest { mac, address: None, asked_at: None };
        let now = Instant::now();
        let question = guest.question(now).unwrap();
        assert!(guest.question(now).is_none());
        assert_eq!(checksum(&question[14..34]), [0, 0]);
        let reply = |kind: u8| {
            let mut frame = question.clone();
            frame.splice(34..38, [0, 67, 0, 68]);
            frame[42] = 2;
            frame.splice(58..62, [10, 42, 0, 9]);
            frame.splice(282..294, [53, 1, kind, 54, 4, 10, 42, 0, 1, 255, 0, 0]);
            frame
        };
        let request = guest.answer(&reply(OFFER)).unwrap();
        assert_eq!(option(&request[282..], 50), Some(&[10, 42, 0, 9][..]));
        assert!(guest.answer(&reply(ACKNOWLEDGED)).is_none());
        assert_eq!(guest.address, Some([10, 42, 0, 9]));
        let arp = [
            &EVERYBODY[..],
            &[2; 6],
            &ARP,
            &[0, 1, 8, 0, 6, 4, 0, 1],
            &[2; 6],
            &[10, 42, 0, 1],
            &[0; 6],
            &[10, 42, 0, 9],
        ]
        .concat();
        let answer = guest.answer(&arp).unwrap();
        assert_eq!((&answer[..6], &answer[22..28]), (&[2; 6][..], &mac[..]));
        for length in 0..question.len() {
            guest.answer(&reply(OFFER)[..length]);
        }
    }
}

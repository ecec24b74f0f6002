//! A wire for more than two guests: what one sends reaches all others, as in a hub of old.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use crate::guest::Wire;

/// An Ethernet frame of a virtual card, with what it does not cut itself, in bytes.
const FRAME: usize = 1 << 16;

/// The ends of a wire for cards with these addresses, with sockets in the folder. It works until the
/// program ends.
///
/// # Errors
/// A socket cannot be made.
pub fn shared(folder: &Path, macs: &[&str]) -> io::Result<Vec<Wire>> {
    let path = |mac: &str, side: &str| folder.join(format!("{}.{side}", mac.replace(':', "")));
    let cards: Arc<Vec<PathBuf>> = Arc::new(macs.iter().map(|mac| path(mac, "card")).collect());
    for (number, mac) in macs.iter().enumerate() {
        let socket = UnixDatagram::bind(path(mac, "wire"))?;
        let cards = Arc::clone(&cards);
        thread::spawn(move || forward(&socket, &cards, number));
    }
    let wire = |mac: &&str| Wire {
        mac: (*mac).to_owned(),
        own: path(mac, "card"),
        other: path(mac, "wire"),
    };
    Ok(macs.iter().map(wire).collect())
}

fn forward(socket: &UnixDatagram, cards: &[PathBuf], from: usize) {
    let mut frame = vec![0; FRAME];
    while let Ok(length) = socket.recv(&mut frame) {
        let Some(frame) = frame.get(..length) else { continue };
        for (_, card) in cards.iter().enumerate().filter(|(number, _)| *number != from) {
            // A guest that is not there yet hears nothing.
            let _ = socket.send_to(frame, card);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_sends_reaches_all_others() {
        let folder = tempfile::tempdir().unwrap();
        let wires = shared(folder.path(), &["00:01", "00:02", "00:03"]).unwrap();
        let cards: Vec<UnixDatagram> =
            wires.iter().map(|wire| UnixDatagram::bind(&wire.own).unwrap()).collect();
        cards[1].send_to(b"frame", &wires[1].other).unwrap();
        let mut heard = [0; 16];
        for card in [&cards[0], &cards[2]] {
            let length = card.recv(&mut heard).unwrap();
            assert_eq!(&heard[..length], b"frame");
        }
        cards[1].set_nonblocking(true).unwrap();
        assert!(cards[1].recv(&mut heard).is_err(), "nobody hears himself");
    }
}
